use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::queue::{Once, Queue};
use nevent_webhooks::store::{Scope, Store};
use nevent_webhooks_queues::redis_streams::RedisStreams;
use redis::aio::MultiplexedConnection;

use crate::engine::{CONCURRENCY, Engine, Tasks, each_at_once};
use crate::servers::redis::Server;
use crate::support::receiver::SCOPE;
use crate::taken::Taken;

/// Redis with `appendfsync always`. The receiver's records are there, too: each delivery writes one, which
/// the plain producer does not.
pub struct Streams {
    server: Server,
    redis: RedisStreams,
    producer: MultiplexedConnection,
    consumer: MultiplexedConnection,
}

const PLAIN: &str = "plain";

/// For each stream its name, and its entries with their fields.
type Streamed = Vec<(String, Vec<(String, Vec<String>)>)>;

async fn connection(server: &Server) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).expect("a URL");
    client.get_multiplexed_async_connection().await.expect("a server")
}

impl Engine for Streams {
    const NAME: &str = "redis_streams";

    async fn start() -> Self {
        let server = Server::durable().await;
        let redis = RedisStreams::connect(&server.url()).await.expect("a durable server");
        let group = ["XGROUP", "CREATE", PLAIN, PLAIN, "0", "MKSTREAM"];
        server.command::<String>(&group).await;
        let (producer, consumer) = (connection(&server).await, connection(&server).await);
        Self { server, redis, producer, consumer }
    }

    async fn queue(&self) -> impl Queue {
        self.redis.queue()
    }

    async fn store(&self) -> impl Store {
        self.redis.store()
    }

    async fn work(&self, once: &Once, taken: &Arc<Taken>) {
        let worker = self.redis.worker(&Scope::new(SCOPE).expect("a scope"));
        worker.run(once, taken.handler(), taken.all()).await;
    }

    async fn produce(&self, body: &str) -> Duration {
        each_at_once(Self::COUNT, |_| {
            let (mut connection, body) = (self.producer.clone(), body.to_owned());
            async move {
                let mut add = redis::cmd("XADD");
                add.arg(PLAIN).arg("*").arg("body").arg(body);
                add.query_async::<String>(&mut connection).await.expect("a server");
            }
        })
        .await
    }

    async fn consume(&self, taken: &Arc<Taken>) {
        // A connection for the reads, as the worker has one.
        let (mut reader, mut left) = (connection(&self.server).await, Self::COUNT);
        let mut tasks = Tasks::of_a_consumer();
        while left > 0 {
            let mut read = redis::cmd("XREADGROUP");
            read.arg("GROUP").arg(PLAIN).arg("one").arg("COUNT").arg(CONCURRENCY);
            read.arg("STREAMS").arg(PLAIN).arg(">");
            let read: Streamed = read.query_async(&mut reader).await.expect("a server");
            for (id, _) in read.into_iter().flat_map(|(_, entries)| entries) {
                let (mut connection, taken) = (self.consumer.clone(), Arc::clone(taken));
                let done = async move {
                    taken.one();
                    let mut done = redis::pipe();
                    done.cmd("XACK").arg(PLAIN).arg(PLAIN).arg(&id);
                    done.cmd("XDEL").arg(PLAIN).arg(&id);
                    done.query_async::<(u32, u32)>(&mut connection).await.expect("a server");
                };
                tasks.spawn(done).await;
                left -= 1;
            }
        }
        tasks.end().await;
    }
}
