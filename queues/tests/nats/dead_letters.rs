//! How dead letters end.

use std::time::Duration;

use nevent_webhooks_queues::nats::{NatsDeadLetters, NatsError, NatsOptions};
use nevent_webhooks_queues::{DeadLetter, RetryPolicy, Select};

use crate::broker::Broker;
use crate::engine::{Work, sender};
use crate::support::eventually;
use crate::support::sender::Sent;

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

#[tokio::test]
async fn a_dead_letter_that_no_longer_fits_does_not_hold_up_the_others() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "fits");
    let sender = sender(&options).await;
    let mut large = Sent::single(1);
    large.body = large.body.replace("{}", &format!(r#"{{"x":"{}"}}"#, "a".repeat(5_000)));
    for sent in [large, Sent::single(2), Sent::single(3)] {
        sender.deliver(&sent).await;
    }
    let work = Work::start(&options, |_| true).await;
    eventually("all are dead", async || broker.messages("fits-dead").await == 3).await;
    work.stop().await;
    broker.edit("fits", |config| config.max_message_size = 4096).await;

    let dead = NatsDeadLetters::connect(&options).await.expect("a server");
    let refused = dead.replay(Select::All).await.expect_err("one that is too large");
    assert!(matches!(refused, NatsError::TooLarge { .. }), "{refused}");
    assert_eq!(broker.messages("fits").await, 2);
    let left = dead.list(9).await.expect("a server");
    assert_eq!(left.iter().map(DeadLetter::id).collect::<Vec<_>>(), ["evt_single_1"]);

    broker.edit("fits", |config| config.max_message_size = -1).await;
    assert_eq!(dead.replay(Select::All).await.expect("it fits"), 1);
}
