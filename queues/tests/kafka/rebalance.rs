//! Partitions that go to another worker, and come back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::kafka::{KafkaDeadLetters, KafkaOptions, KafkaWorker};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::{oneshot, watch};

use crate::broker::{Broker, client};
use crate::engine::Work;
use crate::support::eventually;

/// More than a worker keeps of one partition.
const MANY: usize = 600;

/// With one retry topic, so that there are four partitions.
fn options(broker: &Broker) -> KafkaOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    broker.options("comes-back").retry(retry).concurrency(4)
}

#[tokio::test]
async fn a_partition_that_is_full_is_read_on_when_it_comes_back() {
    let broker = Broker::shared().await;
    let options = options(&broker);
    KafkaDeadLetters::connect(&options).await.expect("it creates the topics");
    fill(&broker, 0..MANY).await;
    let begun = Begun::default();
    let (open, gate) = watch::channel(false);
    let (stop, stopped) = oneshot::channel::<()>();
    let first = tokio::spawn(blocked(options.clone(), gate, Arc::clone(&begun), stopped));
    eventually("it has begun", async || begun.lock().expect("no panic").len() == 4).await;

    // As many workers as partitions: the first keeps one at most.
    let others = [(); 3].map(|()| Work::start(&options, |_| false));
    let others = join_all(others).await;
    let moved = async || others.iter().any(|other| other.count() > 0);
    eventually("another worker has begun with a partition", moved).await;
    let mut handled = BTreeSet::new();
    for other in others {
        let seen = Arc::clone(&other.seen);
        other.stop().await;
        handled.extend(seen.lock().expect("no panic").iter().map(|(id, _)| id.clone()));
    }
    fill(&broker, MANY..MANY + 10).await;
    let _ = open.send_replace(true);
    eventually("all are handled", async || {
        let all = begun.lock().expect("no panic").union(&handled).count();
        all == (MANY + 10) * 2
    })
    .await;
    drop(stop);
    first.await.expect("no panic");
}

type Begun = Arc<Mutex<BTreeSet<String>>>;

/// A worker whose handlers wait until the gate is open.
async fn blocked(
    options: KafkaOptions,
    gate: watch::Receiver<bool>,
    begun: Begun,
    stopped: oneshot::Receiver<()>,
) {
    let handler = move |envelope: Envelope, _: ClaimHandle| {
        begun.lock().expect("no panic").insert(envelope.id().as_str().to_owned());
        let mut gate = gate.clone();
        async move { gate.wait_for(|is_open| *is_open).await.map(drop) }
    };
    let once = Once::new("work", MemoryStore::new()).expect("safe options");
    let worker = KafkaWorker::connect(&options).await.expect("a broker");
    worker.run(&once, handler, async { drop(stopped.await) }).await;
}

/// Puts entries with these numbers into both partitions.
async fn fill(broker: &Broker, numbers: std::ops::Range<usize>) {
    let producer: FutureProducer = client(&broker.address()).create().expect("a client");
    let all = numbers.flat_map(|number| [(0, number), (1, number)]);
    let puts = all.map(|(partition, number)| put(&producer, partition, number));
    join_all(puts).await;
}

async fn put(producer: &FutureProducer, partition: i32, number: usize) {
    let json = format!(
        r#"{{"version":1,"id":"evt_{partition}_{number}","dedupe_key":"event_id","delivery_id":"d-1",
        "scheme":"nevent","event_type":"fan.created","is_readable":true,"received_at_ms":1,
        "secret":"1","body":"{{}}"}}"#
    );
    let envelope = Envelope::from_json(json).expect("an envelope");
    let headers = envelope.headers().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value.as_bytes()) })
    });
    let record = FutureRecord::<str, [u8]>::to("comes-back");
    let record = record.partition(partition).payload(envelope.body()).headers(headers);
    producer.send(record, Duration::from_secs(10)).await.expect("a broker");
}
