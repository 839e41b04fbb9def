//! The examples, as a user runs them.

use crate::server::Server;
use crate::support::example::receiver_and_worker;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_and_the_worker() {
    let server = Server::shared().await;
    drop(server.options("tickets").await);
    let url = format!("http://127.0.0.1:{}", server.port);
    let environment = [
        ("AWS_ENDPOINT_URL", &*url),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    receiver_and_worker("sqs", &environment).await;
}
