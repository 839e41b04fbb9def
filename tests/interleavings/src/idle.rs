//! The permits: never more taken than there are, and whoever waits for all of them to be
//! given back is woken, whatever the order. (A wake that is missed is a deadlock to loom.)

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use crate::permits::Permits;

#[test]
fn who_waits_is_woken_by_the_last_to_end() {
    loom::model(|| {
        let permits = Permits::new(2);
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
fn a_slot_that_is_shared_is_given_back_once() {
    loom::model(|| {
        let permits = Permits::new(1);
        let permit = permits.take().unwrap();
        let sharing = Arc::clone(&permit);
        let event = thread::spawn(move || drop(sharing));
        drop(permit);
        block_on(permits.wait_idle());
        assert!(permits.take().is_some(), "it is free");
        event.join().unwrap();
    });
}

#[test]
fn no_two_take_the_last_slot() {
    loom::model(|| {
        let permits = Permits::new(1);
        let takers = [(); 2].map(|()| {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.take())
        });
        let taken = takers.map(|taker| taker.join().unwrap());
        assert_eq!(taken.iter().flatten().count(), 1);
    });
}

#[test]
fn a_slot_given_back_is_there_for_the_next() {
    loom::model(|| {
        let permits = Permits::new(1);
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
