//! The examples, as a user runs them.

use crate::broker::Broker;
use crate::support::example::receiver_and_worker;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_and_the_worker() {
    let broker = Broker::shared().await;
    receiver_and_worker("kafka", &[("KAFKA_BROKERS", &broker.address())]).await;
}
