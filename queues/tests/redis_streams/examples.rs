//! The examples, as a user runs them.

use crate::server::Server;
use crate::support::example::receiver_and_worker;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_and_the_worker() {
    let server = Server::durable().await;
    receiver_and_worker("redis_streams", &[("REDIS_URL", &server.url())]).await;
}
