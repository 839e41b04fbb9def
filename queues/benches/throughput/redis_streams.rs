use std::sync::Arc;

use axum::Router;
use nevent_webhooks::queue::Once;
use nevent_webhooks::store::Scope;
use nevent_webhooks_queues::redis_streams::RedisStreams;
use redis::aio::MultiplexedConnection;

use crate::engine::{CONCURRENCY, COUNT, Engine, Handled, each_at_once};
use crate::server::Server;
use crate::support::receiver::{self, SCOPE};

/// Redis with `appendfsync always`.
pub struct Streams {
    server: Server,
    redis: RedisStreams,
}

const PLAIN: &str = "plain";

/// For each stream its name, and its entries with their fields.
type Streamed = Vec<(String, Vec<(String, Vec<String>)>)>;

impl Streams {
    async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.server.url()).expect("a URL");
        client.get_multiplexed_async_connection().await.expect("a server")
    }
}

impl Engine for Streams {
    const NAME: &str = "redis_streams";

    async fn start() -> Self {
        let server = Server::durable().await;
        let redis = RedisStreams::connect(&server.url()).await.expect("a durable server");
        let group = ["XGROUP", "CREATE", PLAIN, PLAIN, "0", "MKSTREAM"];
        server.command::<String>(&group).await;
        Self { server, redis }
    }

    async fn receiver(&self) -> Router {
        receiver::app(self.redis.queue(), self.redis.store())
    }

    async fn work(&self, once: &Once, handled: &Arc<Handled>) {
        let worker = self.redis.worker(&Scope::new(SCOPE).expect("a scope"));
        worker.run(once, handled.handler(), handled.all()).await;
    }

    async fn produce(&self, body: &str) {
        let (connection, body) = (self.connection().await, body.to_owned());
        each_at_once(|_| {
            let (mut connection, body) = (connection.clone(), body.clone());
            async move {
                let mut add = redis::cmd("XADD");
                add.arg(PLAIN).arg("*").arg("body").arg(body);
                add.query_async::<String>(&mut connection).await.expect("a server");
            }
        })
        .await;
    }

    async fn consume(&self) {
        let (mut connection, mut left) = (self.connection().await, COUNT);
        while left > 0 {
            let mut read = redis::cmd("XREADGROUP");
            read.arg("GROUP").arg(PLAIN).arg("one").arg("COUNT").arg(CONCURRENCY);
            read.arg("STREAMS").arg(PLAIN).arg(">");
            let read: Streamed = read.query_async(&mut connection).await.expect("a server");
            for (id, _) in read.into_iter().flat_map(|(_, entries)| entries) {
                let mut done = redis::pipe();
                done.cmd("XACK").arg(PLAIN).arg(PLAIN).arg(&id).cmd("XDEL").arg(PLAIN).arg(&id);
                done.query_async::<(u32, u32)>(&mut connection).await.expect("a server");
                left -= 1;
            }
        }
    }
}
