//! Workers that are told to stop while the server or the network fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nevent_webhooks::queue::Once;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::redis_streams::RedisStreams;
use tokio::sync::Semaphore;

use crate::hand_over::noting;
use crate::network::large;
use crate::outages::waiting;
use crate::proxy::Proxy;
use crate::scene::{Diary, Running, Scene, worker};
use crate::support::eventually;
use crate::support::sender::event_json;
use crate::takeover::taken_by_a_member_that_crashes;

/// Less than an orchestrator's usual 30 s.
const SOON: Duration = Duration::from_secs(12);

async fn stops_soon(running: Running) {
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_leaves_what_it_cannot_tell_a_server_that_is_down() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let gate = Arc::new(Semaphore::new(0));
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    // It would try for 30 s.
    let patient = scene.worker().claim_after(Duration::from_secs(60));
    let running = Running::start(&once, patient, waiting(&diary, &gate));
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    eventually("it begins", async || diary.has("begins evt_1")).await;
    scene.server.kill();
    gate.add_permits(10);
    eventually("it ends", async || diary.has("ends evt_1")).await;
    stops_soon(running).await;
    scene.server.restart().await;
    let running = Running::start(&once, scene.worker(), waiting(&diary, &gate));
    eventually("it is acknowledged", async || scene.depth().await == 0).await;
    running.stop().await;
    assert_eq!(diary.lines(), ["begins evt_1", "ends evt_1"]);
}

/// The entry takes 20 s to arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_leaves_what_is_still_on_its_way() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let (event, body) = large(0);
    scene.sender.until_accepted("d-1", &body).await;
    taken_by_a_member_that_crashes(&scene).await;
    let proxy = Proxy::before(&scene.server).await;
    let slow = RedisStreams::connect(&proxy.url()).await.expect("durable");
    proxy.throttle(5_000);
    let single = RetryPolicy::new().attempts(1);
    let once = scene.once();
    let running = Running::start(&once, worker(&slow).retry(single), noting(&diary));
    eventually("it is read", async || scene.pending().await[0].3 == 2).await;
    stops_soon(running).await;
    assert_eq!((scene.pending().await[0].3, diary.lines().len()), (1, 0));
    let observed = scene.worker().retry(single).observer(diary.observer());
    let running = Running::start(&once, observed, noting(&diary));
    eventually("it is acknowledged", async || scene.depth().await == 0).await;
    running.stop().await;
    assert_eq!(diary.lines(), [event]);
}
