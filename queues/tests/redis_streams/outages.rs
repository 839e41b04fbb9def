//! Servers and workers that go away and come back.

use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::redis_streams::RedisStreams;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::hand_over::{QUEUE, noting};
use crate::scene::{Diary, Running, Scene, worker};
use crate::server::Server;
use crate::support::eventually;
use crate::support::receiver::{SCOPE, short_lease};
use crate::support::sender::{Sent, event_json};

/// Waits for a permit, which tells that it has begun.
pub fn waiting(
    diary: &Diary,
    gate: &Arc<Semaphore>,
) -> impl Fn(Envelope, ClaimHandle) -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>>
+ Clone
+ use<> {
    let (diary, gate) = (diary.clone(), Arc::clone(gate));
    move |envelope, _| {
        let (diary, gate) = (diary.clone(), Arc::clone(&gate));
        Box::pin(async move {
            diary.write(format!("begins {}", envelope.id()));
            gate.acquire().await.expect("open").forget();
            diary.write(format!("ends {}", envelope.id()));
            Ok(())
        })
    }
}

/// Its observer panics each time, which changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_is_done_while_the_server_is_down_is_not_handled_again() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let gate = Arc::new(Semaphore::new(0));
    // Its records are elsewhere, so that they outlive the server.
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    let told = Diary::default();
    let write = told.observer();
    let worker = worker(&scene.redis).observer(move |happened| {
        write(happened);
        panic!("an observer's bug");
    });
    let running = Running::start(&once, worker, waiting(&diary, &gate));
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    eventually("it begins", async || diary.has("begins evt_1")).await;
    scene.server.kill();
    gate.add_permits(10);
    eventually("its observer panics", async || told.has("server failed")).await;
    eventually("it ends", async || diary.has("ends evt_1")).await;
    scene.server.restart().await;
    eventually("it is acknowledged", async || scene.depth().await == 0).await;
    running.stop().await;
    assert_eq!(diary.lines(), ["begins evt_1", "ends evt_1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_refuses_entries_and_still_works_off_those_it_has() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    // Its records are elsewhere: a full server takes no claim.
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    for id in ["evt_0", "evt_1"] {
        scene.sender.until_accepted(id, &event_json(id)).await;
        if id == "evt_0" {
            let running = Running::start(&once, worker(&scene.redis), noting(&diary));
            eventually("a group", async || scene.depth().await == 0).await;
            running.stop().await;
        }
    }
    scene.server.command::<String>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let (status, _) = scene.sender.attempt("d-2", &event_json("evt_2")).await;
    assert_eq!(status, 503);
    let running = Running::start(&once, worker(&scene.redis), noting(&diary));
    eventually("the first is done", async || scene.depth().await == 0).await;
    scene.server.command::<String>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let (status, _) = scene.sender.attempt("d-2", &event_json("evt_2")).await;
    assert_eq!(status, 200);
    eventually("the second is handled", async || diary.has("evt_2")).await;
    running.stop().await;
    assert_eq!(diary.lines(), ["evt_0", "evt_1", "evt_2"]);
}

/// The backlog stays in the stream, and is not moved to later retries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_store_is_down_takes_few_entries_until_it_is_back() {
    let (scene, diary, records) = (Scene::new().await, Diary::default(), Server::durable().await);
    let store = RedisStreams::connect(&records.url()).await.expect("durable").store();
    let once = Once::with_options(SCOPE, store, short_lease()).expect("safe options");
    for number in 0..50 {
        scene.sender.deliver(&Sent::single(number)).await;
    }
    records.kill();
    // Later than the test's end, so that each retry is of another entry.
    let policy = RetryPolicy::new().first(Duration::from_secs(20)).attempts(3);
    let worker = worker(&scene.redis).concurrency(2).retry(policy);
    let running = Running::start(&once, worker.observer(diary.observer()), noting(&diary));
    eventually("an entry is refused", async || !diary.lines().is_empty()).await;
    sleep(Duration::from_secs(4)).await;
    let moved = diary.lines().len();
    assert!(moved <= 10, "{moved} retries in 4 s");
    records.restart().await;
    eventually("the rest is handled", async || scene.entries().await.is_empty()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_lost_is_created_again_and_loses_nothing() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let running = Running::start(&scene.once(), scene.worker(), noting(&diary));
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    eventually("the first is handled", async || diary.has("evt_1")).await;
    scene.server.command::<u32>(&["XGROUP", "DESTROY", QUEUE, "workers"]).await;
    scene.sender.until_accepted("d-2", &event_json("evt_2")).await;
    eventually("the second is handled", async || diary.has("evt_2")).await;
    running.stop().await;
}

/// The worker cannot claim it, and cannot write that it is to be tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_makes_no_dead_letters_of_events_that_never_ran() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    scene.sender.until_accepted("d-0", &event_json("evt_0")).await;
    let running = Running::start(&scene.once(), scene.worker(), noting(&diary));
    eventually("a group", async || scene.depth().await == 0).await;
    running.stop().await;
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    scene.server.command::<String>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let told = Diary::default();
    let worker = scene.worker().observer(told.observer());
    let running = Running::start(&scene.once(), worker, noting(&diary));
    // Four of them are one claim. It has three attempts.
    eventually("it is claimed four times", async || told.lines().len() >= 16).await;
    scene.server.command::<String>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    eventually("it is handled", async || diary.has("evt_1")).await;
    running.stop().await;
    assert!(scene.dead().list(10).await.expect("a list").is_empty());
}

/// The dead letter cannot be written, and whoever claims the entry is told how it failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_attempt_that_fails_on_a_full_server_is_no_crash_and_no_other_attempt() {
    let (scene, diary, told) = (Scene::new().await, Diary::default(), Diary::default());
    // Its records are elsewhere: a full server takes no claim.
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    scene.server.command::<String>(&["XGROUP", "CREATE", QUEUE, "workers", "0"]).await;
    scene.server.command::<String>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let noted = noting(&diary);
    let failing = move |envelope: Envelope, claim| {
        let _ = noted(envelope, claim).into_inner();
        std::future::ready(Err("no seat left".to_owned()))
    };
    let worker = scene.worker().retry(RetryPolicy::new().attempts(1)).observer(told.observer());
    let running = Running::start(&once, worker, failing);
    // Four of them are one attempt to settle it, within 3 s.
    eventually("it is claimed twice", async || told.lines().len() >= 9).await;
    scene.server.command::<String>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    eventually("it is a dead letter", async || scene.depth().await == 0).await;
    running.stop().await;
    assert!(told.has("dead evt_1 failed 1"), "{:?}", told.lines());
    assert_eq!(diary.lines(), ["evt_1"]);
}
