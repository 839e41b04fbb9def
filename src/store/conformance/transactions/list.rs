/// Makes a `#[test]` of each promise of a store's completion statement: the functions in
/// [`transactions::promises`](crate::store::conformance::transactions::promises).
///
/// Takes an expression for a
/// [`TransactionHarness`](crate::store::conformance::transactions::TransactionHarness), which each
/// test evaluates anew. [`transactions`](crate::store::conformance::transactions) has an example.
///
/// Use it together with [`store_conformance!`](crate::store_conformance), which tries the store
/// itself. Both can be in one module.
#[macro_export]
macro_rules! transaction_conformance {
    ($harness:expr) => {
        $crate::__each_transaction_promise! { @each tests [$harness] }
    };
}

/// The list of the promises, and what is made of each: tests, their names, or a report.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_transaction_promise {
    (@each $do:ident $with:tt) => {
        $crate::__each_transaction_promise! { @$do $with
            commits:
                a_committed_completion_completes_the_delivery,
                a_rolled_back_completion_leaves_the_delivery_in_flight,
                a_transaction_completes_all_its_claims_or_none,
                a_commit_keeps_replay_records,
                the_owner_commits_after_its_lease,
                commits_of_kinds_and_scopes_are_apart;
            refusals:
                a_claim_that_was_released_cannot_commit,
                a_claim_that_was_taken_over_cannot_commit,
                nothing_is_committed_without_a_record,
                only_the_owner_commits,
                a_completed_delivery_cannot_be_committed,
                a_committed_delivery_cannot_be_committed_again,
                what_another_attempt_completed_cannot_be_committed,
                a_transaction_completes_a_delivery_once;
            retention:
                a_commit_is_kept_for_its_retention,
                a_commit_outlives_its_lease,
                an_expired_commit_counts_as_no_record,
                a_committed_delivery_is_never_reopened,
                a_completion_does_not_extend_a_commit;
            open:
                a_claim_does_not_wait_for_a_commit,
                an_open_transaction_holds_its_delivery_beyond_the_lease,
                a_renewal_keeps_the_lease_of_an_open_transaction,
                a_release_during_a_commit_reopens_nothing;
            races:
                one_of_many_owners_commits,
                an_attempt_commits_once;
        }
    };
    (@tests [$harness:expr] $($theme:ident: $($promise:ident),+;)+) => {$($(
        #[test]
        fn $promise() {
            $crate::store::conformance::run(
                stringify!($promise),
                $crate::store::conformance::transactions::promises::$promise(&$harness),
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
