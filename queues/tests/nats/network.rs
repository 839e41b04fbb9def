//! What the engine does when the network or a server behaves badly.

use std::time::Duration;

use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::nats::{NatsOptions, NatsQueue};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::broker::Broker;
use crate::engine::{Work, sender};
use crate::proxy::Proxy;
use crate::support::eventually;
use crate::support::sender::Sent;

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

/// Given back with its delay of ten minutes, the entry would come when the server has forgotten its copy.
#[tokio::test]
async fn a_move_whose_acknowledgement_is_lost_leaves_one_copy() {
    leaves_one_copy("lost-once", 1).await;
    // The worker gives up, and the server delivers the entry again.
    leaves_one_copy("lost-often", 4).await;
}

async fn leaves_one_copy(queue: &str, lost: usize) {
    let broker = Broker::shared().await;
    let retry = RetryPolicy::new().first(Duration::from_secs(600)).attempts(5);
    let proxy = Proxy::to(broker.port).await;
    let options = NatsOptions::new(&proxy.url(), queue).expect("a URL").retry(retry);
    let options = options.ack_wait(Duration::from_secs(1)).timeout(Duration::from_secs(1));
    sender(&options).await.deliver(&Sent::single(1)).await;
    proxy.lose_acknowledgements(lost);
    let work = Work::start(&options, |_| true).await;
    eventually("they are lost", async || proxy.has_lost_them()).await;
    eventually("one copy is left", async || broker.messages(queue).await == 1).await;
    assert_eq!(broker.messages(&format!("{queue}-dead")).await, 0);
    work.stop().await;
}
