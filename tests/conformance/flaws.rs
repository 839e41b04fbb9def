//! Ways to break a store, and the promises that notice.

/// Declares the flaws, each with the promise that must notice it.
macro_rules! flaws {
    ($($(#[$doc:meta])* $flaw:ident => $promise:ident,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Flaw {
            /// Does nothing at all; every promise notices.
            Unavailable,
            $($(#[$doc])* $flaw,)+
        }

        pub const FLAWS: &[(Flaw, &str)] = &[$((Flaw::$flaw, stringify!($promise)),)+];
    };
}

flaws! {
    /// GET, then SET.
    ClaimInTwoSteps => one_of_many_claims_is_acquired,
    /// The bindings in one step, the record in the next.
    BindingsApart => one_of_many_replays_is_acquired,
    /// GET, then DEL.
    ReleaseInTwoSteps => a_release_racing_with_claims_makes_one_owner,
    RenewInTwoSteps => a_renewal_racing_with_a_release_brings_nothing_back,
    CompleteInTwoSteps => a_late_completion_racing_with_claims_is_one_of_them,

    /// Out of one table, then into another.
    CompletesByMoving => a_completion_racing_with_claims_lets_none_in,

    LeaseOfTheAsker => a_delivery_in_flight_is_held_for_its_owner,
    LeasesNeverLapse => a_lapsed_lease_can_be_taken,
    RepeatRefused => a_claim_can_be_repeated_with_its_token,
    RepeatKeepsLease => a_claim_can_be_repeated_with_its_token,
    RenewalKeepsLease => a_renewal_starts_the_lease_anew,
    RenewsForAnybody => only_the_owner_renews,
    RenewsAfterLapse => a_lapsed_lease_cannot_be_renewed,
    ReleasesForAnybody => only_the_owner_releases,
    ReleaseDoesNothing => a_released_delivery_runs_again,
    ReleaseReopens => a_release_never_reopens_what_is_completed,
    /// Takes effect when its future is made.
    ClaimsUnpolled => a_future_that_is_never_polled_changes_nothing,
    RenewsUnpolled => a_future_that_is_never_polled_changes_nothing,
    CompletesUnpolled => a_future_that_is_never_polled_changes_nothing,
    ReleasesUnpolled => a_future_that_is_never_polled_changes_nothing,
    LeasesRoundedDown => a_lease_is_not_cut_to_whole_seconds,
    LeasesRoundedUp => a_lease_is_not_drawn_out_to_whole_seconds,

    CompletesForAnybody => only_the_owner_completes_what_is_in_flight,
    CompletionNeedsLease => a_completion_is_recorded_after_the_lease,
    CompletesOnce => completing_twice_changes_nothing,
    CompletionNeedsRecord => a_completion_is_recorded_without_a_record,
    CompletionProlongs => a_completion_does_not_prolong_another,
    CompletedForever => a_completion_is_remembered_for_its_retention,
    CompletedForTheLease => a_completion_outlives_its_lease,

    BodiesIgnored => an_id_stands_for_one_body,
    ReuseTakesOver => reuse_changes_nothing,
    /// A token may come with another body.
    OwnersReuse => an_id_stands_for_one_body,
    /// Hashed under a seed of each process.
    BodiesBySeed => processes_agree_on_bodies,

    BindsNothing => signed_bytes_are_bound_to_their_first_id,
    ReleaseUnbinds => bindings_survive_release_and_lapse,
    BindingsForever => bindings_are_remembered_for_their_window,
    BindingsForTheLease => bindings_survive_release_and_lapse,
    BindingsAcrossScopes => bindings_stay_in_their_scope,
    ReuseBinds => reuse_binds_nothing,
    BoundToBinds => any_bound_key_is_enough,
    InFlightBindsNothing => a_repeat_in_flight_binds_further_keys,
    CompletedBindsNothing => a_repeat_of_what_is_completed_binds_further_keys,
    OwnBindingNotEnough => bindings_that_disagree_lead_round_no_circle,
    Rebinds => bindings_that_disagree_lead_round_no_circle,
    RecordsFirst => a_binding_answers_before_a_record,
    FirstKeyOnly => four_keys_are_bound_at_once,

    ScopesIgnored => scopes_are_apart,
    ControlsDropped => events_are_apart_from_deliveries,
    BoundIdsFolded => unusual_ids_come_back_to_the_letter,
    /// `a:b` and `c` as `a` and `b:c`.
    NamesJoined => unusual_names_are_kept_apart,
    NamesFolded => unusual_names_are_kept_apart,
    NamesTrimmed => unusual_names_are_kept_apart,
    NamesCut => unusual_names_are_kept_apart,

    /// A deadline by the claimer's clock, compared with the next one's.
    LeasesByClientClock => leases_do_not_depend_on_a_clients_clock,
    MemoriesByClientClock => memories_do_not_depend_on_a_clients_clock,
    /// Each process remembers its own.
    MemoriesApart => processes_share_one_memory,
    /// Each handle remembers its own.
    HandlesApart => handles_share_one_memory,
}
