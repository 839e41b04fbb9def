//! The conformance suite is tested itself: a correct store keeps every promise, and
//! whatever way a store is broken, a promise notices.

mod flaws;
mod operations;
mod reference;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::conformance::{Harness, broken_promises};

use flaws::{FLAWS, Flaw};
use reference::{Reference, Server};

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
        Some(self.reference(Flaw::MemoriesApart, clock, seed))
    }

    async fn pass(&self, time: Duration) {
        self.server.clock.advance(time);
    }
}

mod a_correct_store {
    nevent_webhooks::store_conformance!(super::Processes::new(None));
}

#[test]
fn a_correct_store_breaks_no_promise() {
    assert_eq!(broken_promises(&Processes::new(None)), []);
}

/// Every promise notices a flaw, so none is there in vain.
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
    let broken = broken_promises(&Processes::new(Some(flaw)));
    broken.into_iter().map(|broken| broken.promise).collect()
}
