use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{AckKind, Context};
use futures_util::StreamExt;
use nevent_webhooks::queue::{Once, Queue};
use nevent_webhooks_queues::nats::{NatsOptions, NatsQueue, NatsWorker};

use crate::engine::{CONCURRENCY, Engine, Tasks, each_at_once};
use crate::servers::nats::Broker;
use crate::taken::Taken;

/// A work-queue stream in a file, on one server, which syncs the file later.
///
/// The worker asks for as many entries as it can handle at the moment. The plain consumer has the client fetch
/// ahead, as is usual, so it also holds entries that it does not handle yet.
pub struct Nats {
    broker: Broker,
    context: Context,
    consumer: PullConsumer,
}

const QUEUE: &str = "tickets";
const PLAIN: &str = "plain";
/// The engine's default. The tests have a shorter one.
const ACK_WAIT: Duration = Duration::from_secs(30);

impl Nats {
    fn options(&self) -> NatsOptions {
        self.broker.options(QUEUE).ack_wait(ACK_WAIT)
    }
}

impl Engine for Nats {
    const NAME: &str = "nats";

    async fn start() -> Self {
        let broker = Broker::start().await;
        let context = broker.context().await;
        let config = Config {
            name: PLAIN.to_owned(),
            subjects: vec![PLAIN.to_owned()],
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            retention: RetentionPolicy::WorkQueue,
            ..Config::default()
        };
        let stream = context.create_stream(config).await.expect("a stream");
        // Acknowledgements are explicit by default.
        let config = pull::Config {
            durable_name: Some(PLAIN.to_owned()),
            ack_wait: ACK_WAIT,
            max_ack_pending: -1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.expect("a consumer");
        Self { broker, context, consumer }
    }

    async fn queue(&self) -> impl Queue {
        NatsQueue::connect(&self.options()).await.expect("a server")
    }

    async fn work(&self, once: &Once, taken: &Arc<Taken>) {
        let worker = NatsWorker::connect(&self.options()).await.expect("a server");
        worker.run(once, taken.handler(), taken.all()).await;
    }

    async fn produce(&self, body: &str) -> Duration {
        each_at_once(Self::COUNT, |_| {
            let (context, body) = (self.context.clone(), body.to_owned());
            async move {
                let sent = context.publish(PLAIN, body.into()).await.expect("a server");
                sent.await.expect("a confirmation");
            }
        })
        .await
    }

    async fn consume(&self, taken: &Arc<Taken>) {
        let stream = self.consumer.stream().max_messages_per_batch(CONCURRENCY.into());
        let stream = stream.messages().await.expect("a consumer");
        let mut entries = stream.take(Self::COUNT as usize);
        let mut tasks = Tasks::of_a_consumer();
        while let Some(entry) = entries.next().await {
            let (entry, taken) = (entry.expect("a server"), Arc::clone(taken));
            let client = self.context.client();
            // As the worker does. `double_ack` would subscribe to an answer of its own each time.
            let acknowledge = async move {
                taken.one();
                let reply = entry.reply.clone().expect("an entry");
                client.request(reply, AckKind::Ack.into()).await.expect("a confirmation");
            };
            tasks.spawn(acknowledge).await;
        }
        tasks.end().await;
    }
}
