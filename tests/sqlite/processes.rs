//! Other processes, and restarts.

use std::collections::HashSet;

use nevent_webhooks::store::{ClaimAnswer, Store};

use crate::support::{Directory, StoreProcess, claim};

#[tokio::test]
async fn records_survive_a_kill() {
    let directory = Directory::new();
    let mut killed = StoreProcess::start(&directory.file());
    assert_eq!(killed.ask("complete done"), "Recorded");
    assert_eq!(killed.ask("claim begun"), "Acquired");
    killed.process.kill();

    let mut restarted = StoreProcess::start(&directory.file());
    assert_eq!(restarted.ask("claim done"), "Completed");
    assert_eq!(restarted.ask("claim begun"), "InFlight");
    assert_eq!(restarted.ask("claim new"), "Acquired");
}

/// What was answered is kept, whenever the kill comes.
#[tokio::test]
async fn a_kill_amid_completions_loses_none_that_was_answered() {
    let directory = Directory::new();
    let mut killed = StoreProcess::start(&directory.file());
    for number in 0..400 {
        killed.tell(&format!("complete {number}"));
    }
    for _ in 0..100 {
        assert_eq!(killed.answer(), "Recorded");
    }
    killed.process.kill();

    let store = directory.store().await;
    for number in 0..100 {
        let answer = store.claim(&claim(&number.to_string())).await.expect("a file");
        assert_eq!(answer, ClaimAnswer::Completed, "{number}");
    }
}

#[tokio::test]
async fn of_two_processes_that_race_for_each_delivery_one_gets_it() {
    let directory = Directory::new();
    let mut processes = [(); 2].map(|()| StoreProcess::start(&directory.file()));
    for process in &mut processes {
        process.tell("race 400");
    }
    let acquired = processes.each_mut().map(StoreProcess::answer);
    // One of the two may get none.
    let acquired = acquired.iter().flat_map(|ids| ids.split(','));
    let acquired: Vec<_> = acquired.filter(|id| !id.is_empty()).collect();
    let distinct: HashSet<_> = acquired.iter().collect();
    assert_eq!((acquired.len(), distinct.len()), (400, 400));
}

/// Both create the file and its tables.
#[tokio::test]
async fn two_processes_may_start_at_once() {
    for _ in 0..5 {
        let directory = Directory::new();
        let (file, other) = (directory.file(), directory.file());
        let starting = std::thread::spawn(move || StoreProcess::start(&other));
        let mut processes = [StoreProcess::start(&file), starting.join().expect("no panic")];
        assert_eq!(processes[0].ask("claim d"), "Acquired");
        assert_eq!(processes[1].ask("claim d"), "InFlight");
    }
}
