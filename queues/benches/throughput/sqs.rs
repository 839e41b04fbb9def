use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use nevent_webhooks::queue::{Once, Queue};
use nevent_webhooks_queues::sqs::{SqsOptions, SqsQueue, SqsWorker};

use crate::engine::{Engine, Tasks, each_at_once};
use crate::servers::sqs::{Server, options};
use crate::taken::Taken;

/// Standard queues of moto, a server in Python that keeps messages in memory. It is not SQS, and much slower:
/// the figures say how the two halves compare, and not how fast they are.
///
/// The receiver's client sends the event inside its envelope's JSON, and checks the digest that comes back. The
/// plain producer sends the event alone.
pub struct Sqs {
    server: Server,
    client: Client,
    plain: String,
}

const QUEUE: &str = "tickets";
const PLAIN: &str = "plain";
/// The most of one request.
const MOST: i32 = 10;
/// The longest wait for a first message.
const WAIT: i32 = 20;
/// The engine's default. The tests have a shorter one.
const VISIBILITY: Duration = Duration::from_secs(60);

impl Sqs {
    fn options(&self) -> SqsOptions {
        options(self.server.port, QUEUE).visibility(VISIBILITY)
    }
}

impl Engine for Sqs {
    const NAME: &str = "sqs";
    const COUNT: u32 = 500;

    async fn start() -> Self {
        let server = Server::start().await;
        for queue in [QUEUE, PLAIN] {
            options(server.port, queue).create_queues().await.expect("queues");
        }
        let (client, plain) = (server.client(), server.url(PLAIN).await);
        Self { server, client, plain }
    }

    async fn queue(&self) -> impl Queue {
        SqsQueue::connect(&self.options()).await.expect("a queue")
    }

    async fn work(&self, once: &Once, taken: &Arc<Taken>) {
        let worker = SqsWorker::connect(&self.options()).await.expect("a queue");
        worker.run(once, taken.handler(), taken.all()).await;
    }

    async fn produce(&self, body: &str) -> Duration {
        each_at_once(Self::COUNT, |_| {
            let send = self.client.send_message().queue_url(&self.plain).message_body(body);
            async move { drop(send.send().await.expect("a queue")) }
        })
        .await
    }

    async fn consume(&self, taken: &Arc<Taken>) {
        let (mut tasks, mut left) = (Tasks::of_a_consumer(), Self::COUNT);
        let visibility = i32::try_from(VISIBILITY.as_secs()).expect("a minute");
        while left > 0 {
            let receive = self.client.receive_message().queue_url(&self.plain);
            let receive = receive.max_number_of_messages(MOST).wait_time_seconds(WAIT);
            let received = receive.visibility_timeout(visibility).send().await.expect("a queue");
            for message in received.messages.unwrap_or_default() {
                let delete = self.client.delete_message().queue_url(&self.plain);
                let delete = delete.set_receipt_handle(message.receipt_handle);
                let taken = Arc::clone(taken);
                let delete = async move {
                    taken.one();
                    delete.send().await.expect("a queue");
                };
                tasks.spawn(delete).await;
                left = left.saturating_sub(1);
            }
        }
        tasks.end().await;
    }
}
