//! The hand-over and the work, end to end.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::rabbitmq::{RabbitMqQueue, RabbitMqWorker};
use tokio::sync::oneshot;

use crate::broker::Broker;
use crate::support::sender::{Sender, Sent};
use crate::support::{eventually, receiver};

#[tokio::test]
async fn what_is_handed_over_is_handled_once() {
    let broker = Broker::start().await;
    let options = broker.options("tickets");
    let queue = RabbitMqQueue::connect(&options).await.expect("a broker");
    let address = receiver::spawn(receiver::app(queue, MemoryStore::new())).await;
    let sender = Sender::new(vec![address]);
    sender.deliver(&Sent::single(1)).await;
    sender.deliver(&Sent::batch(0)).await;
    sender.deliver(&Sent::batch(1)).await;

    let worker = RabbitMqWorker::connect(&options).await.expect("a broker");
    let once = Once::new("work", MemoryStore::new()).expect("safe options");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let seen = Arc::clone(&seen);
        move |envelope: Envelope, _: ClaimHandle| {
            seen.lock().expect("no panic").push(envelope.id().as_str().to_owned());
            async { Ok::<_, Infallible>(()) }
        }
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let work = worker.run(&once, handler, async { drop(stopped.await) });
    let rest = async {
        eventually("all are handled", async || seen.lock().expect("no panic").len() >= 16).await;
        drop(stop);
    };
    tokio::join!(work, rest);
    let mut events = seen.lock().expect("no panic").clone();
    events.sort();
    let mut expected = [Sent::single(1), Sent::batch(0)].map(|sent| sent.events).concat();
    expected.extend((10..15).map(|number| format!("evt_batch_{number}")));
    expected.sort();
    assert_eq!(events, expected);
}
