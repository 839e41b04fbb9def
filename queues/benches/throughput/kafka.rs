use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::queue::{Once, Queue};
use nevent_webhooks_queues::kafka::{KafkaOptions, KafkaQueue, KafkaWorker};
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::engine::{Engine, each_at_once};
use crate::servers::kafka::{Broker, client};
use crate::taken::Taken;

/// Topics of two partitions and one replica. The broker is Tansu in front of an object store in memory, which is
/// not Kafka: the figures say how the two halves compare, and not how fast they are.
///
/// The worker also reads its retry topics. They are empty.
pub struct Kafka {
    broker: Broker,
    producer: FutureProducer,
}

const TOPIC: &str = "tickets";
const PLAIN: &str = "plain";
const TIMEOUT: Duration = Duration::from_secs(4);
const SESSION: Duration = Duration::from_secs(10);

impl Kafka {
    /// With the engine's defaults. The tests have shorter times.
    fn options(&self) -> KafkaOptions {
        self.broker.options(TOPIC).session_timeout(SESSION).timeout(TIMEOUT)
    }

    /// With the settings of the worker's consumer.
    fn consumer(&self) -> StreamConsumer {
        let mut config = client(&self.broker.address());
        config
            .set("group.id", PLAIN)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION.as_millis().to_string());
        let consumer: StreamConsumer = config.create().expect("a client");
        consumer.subscribe(&[PLAIN]).expect("a topic");
        consumer
    }
}

impl Engine for Kafka {
    const NAME: &str = "kafka";

    async fn start() -> Self {
        let broker = Broker::start().await;
        let topic = NewTopic::new(PLAIN, 2, TopicReplication::Fixed(1));
        let created = broker.admin().create_topics([&topic], &AdminOptions::new()).await;
        created.expect("a broker").pop().expect("one answer").expect("a topic");
        // With the settings of the receiver's producer.
        let mut config = client(&broker.address());
        config
            .set("acks", "all")
            .set("linger.ms", "2")
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", TIMEOUT.as_millis().to_string());
        let producer = config.create().expect("a client");
        Self { broker, producer }
    }

    async fn queue(&self) -> impl Queue {
        KafkaQueue::connect(&self.options()).await.expect("a broker")
    }

    async fn work(&self, once: &Once, taken: &Arc<Taken>) {
        let worker = KafkaWorker::connect(&self.options()).await.expect("a broker");
        worker.run(once, taken.handler(), taken.all()).await;
    }

    async fn produce(&self, body: &str) -> Duration {
        each_at_once(Self::COUNT, |number| {
            let (producer, body) = (self.producer.clone(), body.to_owned());
            async move {
                let key = format!("evt_{number}");
                let record = FutureRecord::to(PLAIN).key(&key).payload(&body);
                producer.send(record, TIMEOUT).await.expect("a broker");
            }
        })
        .await
    }

    /// Commits in the background, one commit at a time, as the worker does.
    async fn consume(&self, taken: &Arc<Taken>) {
        let consumer = Arc::new(self.consumer());
        let mut committing: Option<JoinHandle<()>> = None;
        for _ in 0..Self::COUNT {
            let message = consumer.recv().await.expect("a broker");
            taken.one();
            consumer.store_offset_from_message(&message).expect("a partition");
            if committing.as_ref().is_none_or(JoinHandle::is_finished) {
                committing = Some(commit(&consumer));
            }
        }
        if let Some(last) = committing {
            last.await.expect("no panic");
        }
        commit(&consumer).await.expect("no panic");
        // Leaving the group blocks.
        spawn_blocking(move || drop(consumer)).await.expect("no panic");
    }
}

fn commit(consumer: &Arc<StreamConsumer>) -> JoinHandle<()> {
    let consumer = Arc::clone(consumer);
    spawn_blocking(move || match consumer.commit_consumer_state(CommitMode::Sync) {
        // The commit before has all of them.
        Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
        Err(error) => panic!("{error}"),
    })
}
