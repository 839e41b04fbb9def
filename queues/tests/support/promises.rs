//! The promises of every engine, each written once, and tried with the real broker. An engine's test implements
//! [`Engine`](super::engine::Engine) and names itself to [`engine_promises!`], in a module `promises`.

pub mod crashes;
pub mod dead_letters;
pub mod ledger;
pub mod outages;
pub mod waiting;
pub mod whole;

use super::engine::Engine;

/// Makes a test of each promise.
#[allow(unused_macros, reason = "the benchmark uses none of these")]
macro_rules! engine_promises {
    ($engine:ty) => {
        crate::support::promises::engine_promises! { $engine;
            whole::what_is_handed_over_is_handled_once
            whole::a_failed_entry_is_tried_again_after_growing_delays
            whole::entries_that_wait_hold_up_no_others
            whole::a_handler_that_takes_long_keeps_its_entry
            whole::a_worker_that_stops_ends_what_it_has_begun
            whole::an_idle_worker_stops
            waiting::while_the_store_fails_the_worker_takes_entries_after_growing_pauses
            waiting::a_worker_that_stops_while_the_store_fails_leaves_the_entry
            waiting::an_entry_of_a_newer_version_waits_for_a_newer_worker
            dead_letters::an_entry_that_fails_at_every_attempt_can_be_replayed
            dead_letters::dead_letters_are_replayed_and_deleted_by_id_type_and_time
            dead_letters::what_is_no_event_is_parked_as_it_came
            dead_letters::an_event_can_be_sent_again_after_its_dead_letter_was_deleted
            dead_letters::an_observer_that_panics_strands_no_entry
            dead_letters::a_handler_that_panics_fails
            crashes::an_entry_that_kills_its_workers_is_a_dead_letter_in_spite_of_their_leases
            crashes::entries_that_share_a_worker_with_one_that_kills_it_are_handled
            outages::without_the_broker_the_sender_is_answered_503_until_it_is_back
            ledger::no_event_is_lost_or_repeated
            ledger::each_event_is_exactly_one_entry_through_kills
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "takes minutes"]
        async fn no_event_of_ten_thousand_deliveries_is_lost_or_repeated() {
            crate::support::promises::ledger::long::<$engine>().await;
        }

        // Processes that the tests start. Among the tests they do nothing.

        #[tokio::test]
        async fn receiver() {
            crate::support::promises::ledger::receiver::<$engine>().await;
        }

        #[tokio::test]
        async fn worker() {
            crate::support::promises::ledger::worker::<$engine>().await;
        }

        #[tokio::test]
        async fn worker_that_crashes() {
            crate::support::promises::crashes::worker::<$engine>().await;
        }

        #[tokio::test]
        async fn worker_in_a_crowd() {
            crate::support::promises::crashes::worker_in_a_crowd::<$engine>().await;
        }
    };
    ($engine:ty; $($group:ident::$promise:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let promise = crate::support::promises::$group::$promise::<$engine>();
            crate::support::promises::keep::<$engine>(stringify!($promise), promise).await;
        })*

        #[test]
        fn what_the_engine_cannot_keep_is_a_promise() {
            let all = [$(stringify!($promise)),*];
            for (promise, why) in <$engine as crate::support::engine::Engine>::CANNOT {
                assert!(all.contains(promise), "{promise}: {why}");
            }
        }
    };
}
#[allow(unused_imports, reason = "the benchmark uses none of these")]
pub(crate) use engine_promises;

/// Tries a promise, unless the engine cannot keep it.
pub async fn keep<E: Engine>(name: &str, promise: impl Future<Output = ()>) {
    match E::CANNOT.iter().find(|(promise, _)| *promise == name) {
        Some((_, why)) => println!("skipped: {why}"),
        None => promise.await,
    }
}
