//! What the engine does when the network or a server behaves badly.

use std::time::Duration;

use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::nats::{NatsOptions, NatsQueue};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::broker::Broker;
use crate::proxy::Proxy;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

/// The announcement comes before TLS, so anybody on the network can change it.
#[tokio::test]
async fn a_server_that_another_one_announces_is_not_used() {
    let broker = Broker::shared().await;
    let stranger = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let announced = stranger.local_addr().expect("a port").port();
    let proxy = Proxy::announcing(broker.port, Some(announced)).await;
    let options = NatsOptions::new(&proxy.url(), "announced").expect("a URL");
    let queue = NatsQueue::connect(&options).await.expect("a server");
    proxy.close();
    // A client that knows of another server tries it now.
    eventually("it tries again and again", async || proxy.refused() >= 3).await;
    proxy.open();
    eventually("it is connected again", async || queue.is_connected()).await;
    let connected = timeout(Duration::from_millis(100), stranger.accept()).await;
    assert!(connected.is_err(), "it would have been sent the password");
}
