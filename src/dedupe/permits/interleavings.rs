//! In every order of the threads, no more permits are taken than there are, and `wait_idle` returns
//! once all are given back. loom reports a missed wake-up as a deadlock.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::{Permit, Permits};

#[test]
fn the_last_handler_to_end_wakes_wait_idle() {
    loom::model(|| {
        let permits = Permits::new(2, <_>::default());
        let taken = [permits.take().unwrap(), permits.take().unwrap()];
        let handlers = taken.map(|permit| thread::spawn(move || drop(permit)));
        block_on(permits.wait_idle());
        assert!(permits.take().is_some());
        for handler in handlers {
            handler.join().unwrap();
        }
    });
}

#[test]
fn a_shared_permit_is_given_back_once() {
    loom::model(|| {
        let permits = Permits::new(1, <_>::default());
        let permit = permits.take().unwrap();
        let sharing = Permit::of_event(permit.share());
        let event = thread::spawn(move || drop(sharing));
        drop(permit);
        block_on(permits.wait_idle());
        assert!(permits.take().is_some(), "it is free");
        event.join().unwrap();
    });
}

#[test]
fn the_last_permit_is_taken_once() {
    loom::model(|| {
        let permits = Permits::new(1, <_>::default());
        let takers = [(); 2].map(|()| {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.take())
        });
        let taken = takers.map(|taker| taker.join().unwrap());
        assert_eq!(taken.iter().flatten().count(), 1);
    });
}

#[test]
fn a_permit_given_back_can_be_taken_again() {
    loom::model(|| {
        let permits = Permits::new(1, <_>::default());
        let handlers = [(); 2].map(|()| {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.take().is_some())
        });
        let ran = handlers.map(|handler| handler.join().unwrap());
        assert!(ran.contains(&true));
        block_on(permits.wait_idle());
        assert!(permits.take().is_some());
    });
}
