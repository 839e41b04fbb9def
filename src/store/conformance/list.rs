/// Makes a `#[test]` of each of the [`promises`](crate::store::conformance::promises), with the
/// name of the promise.
///
/// Takes an expression for a [`Harness`](crate::store::conformance::Harness), which each test
/// evaluates anew. See [`store::conformance`](crate::store::conformance).
#[macro_export]
macro_rules! store_conformance {
    ($harness:expr) => {
        $crate::__each_store_promise! { @each tests [$harness] }
    };
}

/// The list of the promises, and what is made of each: tests, their names, or a report.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_store_promise {
    (@each $do:ident $with:tt) => {
        $crate::__each_store_promise! { @$do $with
            leases:
                a_delivery_in_flight_is_held_for_its_owner,
                a_claim_can_be_repeated_with_its_token,
                an_expired_lease_can_be_taken,
                a_former_owner_changes_nothing,
                a_renewal_starts_the_lease_anew,
                only_the_owner_renews,
                an_expired_lease_cannot_be_renewed,
                a_lease_is_not_rounded_down_to_whole_seconds,
                a_lease_is_not_rounded_up_to_whole_seconds,
                a_released_delivery_can_be_claimed_again,
                only_the_owner_releases,
                a_future_that_is_never_polled_changes_nothing;
            completion:
                a_completed_delivery_is_not_claimed_again,
                a_release_never_reopens_what_is_completed,
                a_completion_is_recorded_without_a_record,
                a_completion_is_recorded_after_the_lease,
                only_the_owner_completes_what_is_in_flight,
                completing_twice_changes_nothing,
                a_completion_does_not_extend_another,
                a_completion_outlives_its_lease,
                a_completion_is_kept_for_its_retention;
            expiry:
                an_expired_lease_counts_as_no_record,
                a_former_owner_is_a_stranger_to_its_expired_lease,
                an_expired_completion_counts_as_no_record,
                an_expired_replay_record_counts_as_none;
            fingerprints:
                an_id_belongs_to_one_body,
                a_conflict_changes_nothing,
                an_id_is_free_once_its_record_is_gone,
                an_id_belongs_to_the_body_of_its_latest_owner;
            replays:
                a_replay_leads_to_the_first_id,
                replay_records_survive_release_and_expiry,
                replay_records_are_kept_for_the_replay_window,
                a_claim_extends_its_replay_records,
                any_recorded_key_reveals_a_replay,
                a_repeat_in_flight_records_further_keys,
                a_repeat_of_a_completed_delivery_records_further_keys,
                replay_records_that_disagree_make_no_circle,
                replay_records_are_checked_before_the_record,
                a_conflict_records_no_replay_key,
                every_replay_key_is_recorded;
            scopes:
                scopes_are_apart,
                events_are_apart_from_deliveries,
                replay_records_stay_in_their_scope,
                unusual_names_are_kept_apart,
                unusual_ids_come_back_unchanged;
            processes:
                handles_share_their_records,
                processes_share_their_records,
                processes_agree_on_bodies,
                processes_share_replay_records,
                leases_do_not_depend_on_a_clients_clock,
                retention_does_not_depend_on_a_clients_clock;
            races:
                one_of_many_claims_is_acquired,
                one_of_many_replays_is_acquired,
                one_of_many_takes_an_expired_lease,
                a_release_racing_with_claims_makes_one_owner,
                a_renewal_racing_with_a_release_brings_nothing_back,
                a_completion_racing_with_claims_lets_none_in,
                a_late_completion_racing_with_claims_is_one_of_them;
        }
    };
    (@tests [$harness:expr] $($theme:ident: $($promise:ident),+;)+) => {$($(
        #[test]
        fn $promise() {
            $crate::store::conformance::run(
                stringify!($promise),
                $crate::store::conformance::promises::$promise(&$harness),
            );
        }
    )+)+};
    (@names [] $($theme:ident: $($promise:ident),+;)+) => {
        $(pub use super::$theme::{$($promise),+};)+
    };
    (@report [$report:ident $harness:ident] $($theme:ident: $($promise:ident),+;)+) => {
        $($($report.add(stringify!($promise), promises::$promise($harness));)+)+
    };
}
