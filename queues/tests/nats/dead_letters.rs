//! How dead letters end.

use std::time::Duration;

use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::nats::NatsOptions;

use crate::broker::Broker;
use crate::engine::{Work, sender};
use crate::support::eventually;

fn quick(broker: &Broker, queue: &str) -> NatsOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    broker.options(queue).retry(retry)
}

#[tokio::test]
async fn dead_letters_expire() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "expired").dead_letters_for(Duration::from_secs(1));
    let sender = sender(&options).await;
    assert_eq!(sender.attempt("no-event", "not JSON").await.0, 200);
    let work = Work::start(&options, |_| false).await;
    eventually("it is taken", async || broker.messages("expired").await == 0).await;
    let stream = broker.context().await.get_stream("expired-dead").await.expect("a stream");
    assert_eq!(stream.cached_info().state.last_sequence, 1, "it was a dead letter");
    eventually("it is gone", async || broker.messages("expired-dead").await == 0).await;
    work.stop().await;
}
