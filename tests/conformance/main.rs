//! Tests of the conformance suite: a correct store keeps every promise, and for each way in which
//! a store can be broken, a promise notices.

mod flaws;
mod operations;
mod reference;
#[path = "../../examples/small_store.rs"]
#[allow(dead_code, reason = "the example's `main`")]
mod small_store;

use std::panic;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::conformance::{Harness, NotKept, report, run};

use flaws::{FLAWS, Flaw};
use reference::{Reference, Server};
use small_store::SmallStore;

/// A server and its processes, all flawed in the same way.
struct Processes {
    server: Arc<Server>,
    flaw: Option<Flaw>,
    seeds: AtomicU8,
}

impl Processes {
    fn new(flaw: Option<Flaw>) -> Self {
        Self { server: Server::on(ManualClock::now()), flaw, seeds: AtomicU8::new(1) }
    }

    fn reference(&self, apart: Flaw, clock: ManualClock, seed: u8) -> Reference {
        let mut server = self.server.clone();
        if self.flaw == Some(apart) {
            server = Server::on(server.clock.clone());
        }
        Reference { server, clock, seed, flaw: self.flaw }
    }
}

impl Harness for Processes {
    type Store = Reference;

    async fn store(&self) -> Reference {
        self.reference(Flaw::HandlesApart, self.server.clock.clone(), 0)
    }

    async fn another_process(&self, clock: ManualClock) -> Option<Reference> {
        let seed = self.seeds.fetch_add(1, Ordering::Relaxed);
        Some(self.reference(Flaw::ProcessesApart, clock, seed))
    }

    async fn pass(&self, time: Duration) {
        self.server.clock.advance(time);
    }
}

mod a_correct_store {
    nevent_webhooks::store_conformance!(super::Processes::new(None));
}

mod the_store_in_the_docs {
    nevent_webhooks::store_conformance!(super::InOneProcess::new());
}

/// The example of a store of one's own. It has no other processes.
struct InOneProcess {
    store: Arc<SmallStore>,
    clock: ManualClock,
}

impl InOneProcess {
    fn new() -> Self {
        let clock = ManualClock::now();
        Self { store: Arc::new(SmallStore::new(clock.clone())), clock }
    }
}

impl Harness for InOneProcess {
    type Store = Arc<SmallStore>;

    async fn store(&self) -> Self::Store {
        self.store.clone()
    }

    async fn another_process(&self, _: ManualClock) -> Option<Self::Store> {
        None
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

#[test]
fn a_correct_store_breaks_no_promise() {
    let report = report(&Processes::new(None));
    assert_eq!((report.broken, report.skipped), (vec![], vec![]));
    assert!(report.kept.contains(&"processes_share_their_records"));
}

#[test]
fn promises_between_processes_are_skipped_where_there_is_one() {
    let report = report(&InOneProcess::new());
    assert_eq!(report.broken, []);
    let skipped: Vec<_> = report.skipped.iter().map(|finding| finding.promise).collect();
    assert_eq!(
        skipped,
        [
            "processes_share_their_records",
            "processes_agree_on_bodies",
            "processes_share_replay_records",
            "leases_do_not_depend_on_a_clients_clock",
            "retention_does_not_depend_on_a_clients_clock",
        ]
    );
    assert!(!report.kept.contains(&"processes_agree_on_bodies"));
    assert_eq!(report.skipped[0].because, "the harness has no other process");
}

/// A broken promise points to the test that tries it, and not into the suite.
#[test]
fn a_broken_promise_panics_at_the_callers_line() {
    static PANICKED_AT: OnceLock<String> = OnceLock::new();
    let before = panic::take_hook();
    panic::set_hook(Box::new(|panic| {
        let _ = PANICKED_AT.set(panic.location().expect("a location").to_string());
    }));
    let broken = async { Err(NotKept::Broken("a promise".to_owned())) };
    let (line, tried) = (line!(), panic::catch_unwind(|| run("it", broken)));
    panic::set_hook(before);
    let message = tried.expect_err("broken").downcast::<String>().expect("a message");
    assert_eq!(*message, "it: a promise");
    let here = format!("{}:{line}:", file!());
    assert!(PANICKED_AT.get().is_some_and(|at| at.starts_with(&here)), "{PANICKED_AT:?}");
}

/// Every flaw is noticed by its promise. Every promise notices a flaw, or it would be of no use.
#[test]
fn every_flaw_is_noticed_by_its_promise() {
    let mut of_no_use = broken_by(Flaw::Unavailable);
    let mut unnoticed = Vec::new();
    thread::scope(|scope| {
        let trial = |(flaw, promise)| (flaw, promise, scope.spawn(move || broken_by(flaw)));
        let trials: Vec<_> = FLAWS.iter().copied().map(trial).collect();
        for (flaw, promise, broken) in trials {
            let broken = broken.join().expect("panics are caught");
            of_no_use.retain(|promise| !broken.contains(promise));
            if !broken.contains(&promise) {
                unnoticed.push((flaw, promise, broken));
            }
        }
    });
    assert!(unnoticed.is_empty(), "flaws, and what they broke instead: {unnoticed:#?}");
    assert!(of_no_use.is_empty(), "promises that notice no flaw: {of_no_use:#?}");
}

/// The names of the promises.
fn broken_by(flaw: Flaw) -> Vec<&'static str> {
    let broken = report(&Processes::new(Some(flaw))).broken;
    broken.into_iter().map(|broken| broken.promise).collect()
}
