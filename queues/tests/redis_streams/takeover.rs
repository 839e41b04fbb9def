//! Entries that another worker takes over.

use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::Envelope;
use nevent_webhooks_queues::RetryPolicy;
use tokio::sync::Semaphore;

use crate::hand_over::{QUEUE, noting};
use crate::outages::waiting;
use crate::scene::{Diary, Running, Scene, worker};
use crate::support::eventually;
use crate::support::sender::{Sent, event_json};

/// A member that took an entry and was never heard of again, several times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_kills_its_workers_becomes_a_dead_letter() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    let id = taken_by_a_member_that_crashes(&scene).await;
    for _ in 0..2 {
        let claim = ["XCLAIM", QUEUE, "workers", "gone", "0", &id];
        scene.server.command::<redis::Value>(&claim).await;
    }
    let running =
        Running::start(&scene.once(), scene.worker().observer(diary.observer()), noting(&diary));
    eventually("it is a dead letter", async || diary.has("dead evt_1 worker_vanished 3")).await;
    running.stop().await;
    assert_eq!(diary.lines(), ["dead evt_1 worker_vanished 3"]);
}

/// A single delivery may be an answer that did not arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_single_attempt_a_second_crash_makes_a_dead_letter() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    for number in 1..=3 {
        scene.sender.deliver(&Sent::single(number)).await;
    }
    // The third has crashed a worker before, and waited for that worker's lease.
    let (id, fields) = scene.entries().await.pop().expect("three entries");
    scene.server.command::<u32>(&["XDEL", QUEUE, &id]).await;
    let again = ["XADD", QUEUE, "*", "attempts", "1", "envelope", &fields[1]];
    scene.server.command::<String>(&again).await;
    taken_by_a_member_that_crashes(&scene).await;
    let claim = ["XCLAIM", QUEUE, "workers", "gone", "0", &scene.entries().await[1].0];
    scene.server.command::<redis::Value>(&claim).await;
    let worker = scene.worker().retry(RetryPolicy::new().attempts(1));
    let running = Running::start(&scene.once(), worker.observer(diary.observer()), noting(&diary));
    eventually("all are done", async || scene.depth().await == 0).await;
    running.stop().await;
    let mut lines = diary.lines();
    lines.sort();
    let dead = [2, 3].map(|number| format!("dead evt_single_{number} worker_vanished 2"));
    assert_eq!(lines, [&dead[..], &["evt_single_1".to_owned()]].concat());
}

/// A worker that was frozen while its entry was claimed by another, and then fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_another_worker_has_taken_over_is_not_moved() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let (gate, all) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (begun, permit) = (Arc::clone(&all), Arc::clone(&gate));
    let handler = move |_: Envelope, _: ClaimHandle| {
        let (begun, permit) = (Arc::clone(&begun), Arc::clone(&permit));
        async move {
            begun.add_permits(1);
            permit.acquire().await.expect("open").forget();
            Err("no seat left".to_owned())
        }
    };
    for (number, attempts) in [(1_u32, 14), (2, 1)] {
        scene.sender.deliver(&Sent::single(number)).await;
        let policy = RetryPolicy::new().attempts(attempts);
        let slow = scene.worker().claim_after(Duration::from_secs(600)).retry(policy);
        let running =
            Running::start(&scene.once(), slow.observer(diary.observer()), handler.clone());
        all.acquire().await.expect("open").forget();
        let (id, _) = scene.entries().await.pop().expect("an entry");
        let claim = ["XCLAIM", QUEUE, "workers", "other", "0", &id];
        scene.server.command::<redis::Value>(&claim).await;
        gate.add_permits(1);
        running.stop().await;
        let pending = scene.pending().await;
        assert!(pending.iter().all(|(_, owner, ..)| owner == "other"), "{pending:?}");
        assert_eq!(pending.len(), number as usize);
    }
    assert!(scene.dead().list(10_000).await.expect("a list").is_empty());
}

/// The record of the event is still leased when another worker takes the entry over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_count_when_the_crashed_workers_lease_outlives_it() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let (once, gate) = (scene.once(), Arc::new(Semaphore::new(0)));
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    let id = taken_by_a_member_that_crashes(&scene).await;
    let claim = ["XCLAIM", QUEUE, "workers", "gone", "0", &id];
    scene.server.command::<redis::Value>(&claim).await;
    let envelope = Envelope::from_json(scene.entries().await[0].1[1].as_bytes());
    let (envelope, handler, leased) =
        (envelope.expect("one"), waiting(&diary, &gate), once.clone());
    let holding = tokio::spawn(async move { leased.event(&envelope, handler).await.as_str() });
    eventually("the lease is held", async || diary.has("begins evt_1")).await;
    let observed = worker(&scene.redis).observer(diary.observer());
    let running = Running::start(&once, observed, noting(&diary));
    let both = |line: &String| line.starts_with("retry evt_1 in_progress 2 ");
    eventually("two crashes", async || diary.lines().iter().any(both)).await;
    gate.add_permits(1);
    assert_eq!(holding.await.expect("no panic"), "done");
    eventually("it is acknowledged", async || scene.depth().await == 0).await;
    running.stop().await;
}

/// Returns the id of the first entry. All are delivered and never acknowledged.
pub async fn taken_by_a_member_that_crashes(scene: &Scene) -> String {
    scene.server.command::<String>(&["XGROUP", "CREATE", QUEUE, "workers", "0"]).await;
    let read = ["XREADGROUP", "GROUP", "workers", "gone", "STREAMS", QUEUE, ">"];
    scene.server.command::<redis::Value>(&read).await;
    scene.entries().await[0].0.clone()
}
