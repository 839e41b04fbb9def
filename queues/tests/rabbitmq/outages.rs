//! What the receiver and the worker do while the broker is away.

use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::rabbitmq::RabbitMqQueue;

use crate::broker::Broker;
use crate::support::receiver;
use crate::support::sender::{Sender, Sent, event_json};

#[tokio::test]
async fn without_the_broker_the_sender_is_answered_503() {
    let broker = Broker::start().await;
    let options = broker.options("tickets");
    let queue = RabbitMqQueue::connect(&options).await.expect("a broker");
    let address = receiver::spawn(receiver::app(queue, MemoryStore::new())).await;
    let sender = Sender::new(vec![address]);
    sender.deliver(&Sent::single(1)).await;

    broker.kill();
    let (status, text) = sender.attempt("single-2", &event_json("evt_2")).await;
    assert_eq!((status, text.as_str()), (503, "Try again later"));
    broker.up().await;
    sender.deliver(&Sent::single(2)).await;
}
