//! A worker whose connection ends.

use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::rabbitmq::RabbitMqOptions;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::broker::Broker;
use crate::engine::{RabbitMq, Work, sender};
use crate::support::engine::Engine;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::support::work::Told;

/// A worker that has the only entry of its queue, and whose handler waits for a permit, and then fails.
struct Scene {
    queue: RabbitMq,
    options: RabbitMqOptions,
    gate: Arc<Semaphore>,
    told: Told,
    work: Work,
}

impl Scene {
    async fn start() -> Self {
        let queue = RabbitMq::alone().await;
        let retry = RetryPolicy::new().first(Duration::from_secs(600)).attempts(3);
        let options = queue.options().retry(retry).concurrency(1);
        sender(&options).await.deliver(&Sent::single(1)).await;
        let (gate, told) = (Arc::new(Semaphore::new(0)), Told::default());
        let work = Work::taking(
            Duration::ZERO,
            Arc::clone(&gate),
            &options,
            MemoryStore::new(),
            told.observer(),
            |_| true,
        )
        .await;
        eventually("it is begun", async || work.begun() == 1).await;
        Self { queue, options, gate, told, work }
    }

    /// The broker closes the connections, and delivers the entry to the same worker again, which has no place for
    /// it.
    async fn deliver_again(&self) {
        let before = self.told.lines().len();
        self.queue.broker().ctl(&["close_all_connections", "a test"]);
        eventually("the worker notices", async || self.told.lines().len() > before).await;
        // Less than the worker's pause: the entry is in the queue by then.
        sleep(Duration::from_millis(500)).await;
        eventually("the worker has it", async || self.queue.entries().await == 0).await;
    }
}

#[tokio::test]
async fn a_worker_that_stops_begins_nothing_that_waits_for_its_place() {
    let scene = Scene::start().await;
    scene.deliver_again().await;
    let (queue, seen) = (scene.queue, Arc::clone(&scene.work.seen));
    let stopping = tokio::spawn(scene.work.stop());
    eventually("it is given back", async || queue.entries().await == 1).await;
    assert!(!stopping.is_finished(), "its handler runs");
    scene.gate.add_permits(9);
    stopping.await.expect("no panic");
    assert_eq!(seen.lock().expect("no panic").len(), 1);

    // In the queue, and not only in a retry queue.
    let next = Work::start(&scene.options, |_| false).await;
    eventually("the next worker handles it", async || next.count() == 1).await;
    next.stop().await;
}

#[tokio::test]
async fn an_entry_that_the_broker_has_taken_back_is_not_begun() {
    let scene = Scene::start().await;
    scene.deliver_again().await;
    scene.deliver_again().await;
    // The handler that runs fails, and so the other copies are not done.
    scene.gate.add_permits(9);
    let (queue, work) = (scene.queue, scene.work);
    eventually("the last copy waits, too", async || queue.entries().await >= 2).await;
    work.stop().await;
    assert_eq!((scene.gate.available_permits(), queue.entries().await), (7, 2));
}

#[tokio::test]
async fn a_worker_tells_again_why_it_does_nothing() {
    let broker = Broker::start().await;
    let (options, told) = (broker.options("tickets"), Told::default());
    let work = Work::with(&options, MemoryStore::new(), told.observer(), |_| false).await;
    broker.ctl(&["change_password", "guest", "other"]);
    broker.ctl(&["close_all_connections", "a test"]);
    eventually("it is told why", async || {
        told.lines().iter().any(|line| line.contains("no connection to RabbitMQ"))
    })
    .await;
    broker.ctl(&["change_password", "guest", "guest"]);
    sender(&options).await.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
}
