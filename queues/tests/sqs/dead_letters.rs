//! Dead letters: what becomes one, and how it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use nevent_webhooks_queues::sqs::{SqsDeadLetters, SqsError, SqsOptions};
use nevent_webhooks_queues::{DeadLetter, Select};

use crate::server::Server;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

async fn are_there(server: &Server, queue: &str, expected: u32) {
    let dead = format!("{queue}-dead");
    eventually("the dead letters", async || server.messages(&dead).await == expected).await;
}

async fn dead_letters(
    server: &Server,
    queue: &str,
    options: &SqsOptions,
    expected: u32,
) -> SqsDeadLetters {
    are_there(server, queue, expected).await;
    SqsDeadLetters::connect(options).await.expect("a server")
}

async fn list(dead: &SqsDeadLetters) -> Vec<DeadLetter> {
    dead.list(100).await.expect("a server")
}

#[tokio::test]
async fn an_entry_that_fails_at_every_attempt_can_be_replayed() {
    let server = Server::shared().await;
    let options = server.options("dead").await;
    let sender = sender(&options).await;
    let begun = SystemTime::now();
    for number in 1..=3 {
        sender.deliver(&Sent::single(number)).await;
    }
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let work = Work::start(&options, move |_| !is_mended.load(Ordering::Relaxed)).await;
    let dead = dead_letters(&server, "dead", &options, 3).await;
    for letter in list(&dead).await {
        assert_eq!((letter.reason(), letter.attempts()), ("failed", 2));
        assert_eq!(letter.event_type(), Some("fan.created"));
    }
    assert_eq!(work.count(), 6);
    assert_eq!(dead.list(2).await.expect("a server").len(), 2);

    // Replayed too early, it has all its attempts again.
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a server"), 1);
    eventually("two more attempts", async || work.count() == 8).await;
    are_there(&server, "dead", 3).await;

    mended.store(true, Ordering::Relaxed);
    let hour = Duration::from_secs(3_600);
    let before = Select::ReceivedBetween(begun - hour, begun - hour / 2);
    assert_eq!(dead.replay(before).await.expect("a server"), 0);
    assert_eq!(dead.replay(Select::Type("ticket.sold")).await.expect("a server"), 0);
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a server"), 1);
    let since = Select::ReceivedBetween(begun - hour, begun + hour);
    assert_eq!(dead.replay(since).await.expect("a server"), 2);
    eventually("all are handled", async || work.count() == 11).await;
    assert_eq!(server.messages("dead-dead").await, 0);
    work.stop().await;
    assert_eq!(server.messages("dead").await, 0);
}

/// More than one request returns.
#[tokio::test]
async fn many_dead_letters_are_listed_and_the_chosen_ones_go() {
    let server = Server::shared().await;
    let options = server.options("many").await;
    for number in 0..25 {
        server.send("many-dead", &format!("odd {number}")).await;
    }
    let dead = dead_letters(&server, "many", &options, 25).await;
    let letters = list(&dead).await;
    assert!(letters.iter().all(|letter| letter.reason() == "unreadable"));
    assert_eq!(dead.delete(Select::Id(letters[0].id())).await.expect("a server"), 1);
    assert_eq!(dead.replay(Select::All).await.expect("a server"), 24);
    assert_eq!(server.messages("many-dead").await, 0);
    assert_eq!(server.messages("many").await, 24);
}

#[tokio::test]
async fn a_dead_letter_that_is_too_large_stops_no_other() {
    let server = Server::shared().await;
    let options = server.options("huge").await;
    server.send("huge-dead", &"x".repeat(5_000)).await;
    for number in 0..12 {
        server.send("huge-dead", &format!("odd {number}")).await;
    }
    server.set("huge", QueueAttributeName::MaximumMessageSize, "4096").await;
    let dead = dead_letters(&server, "huge", &options, 13).await;
    let error = dead.replay(Select::All).await.expect_err("one is too large");
    assert!(matches!(error, SqsError::TooLarge { limit: 4_096, .. }), "{error}");
    assert_eq!(server.messages("huge").await, 12);
    assert_eq!(server.messages("huge-dead").await, 1);
}

#[tokio::test]
async fn what_is_no_event_is_parked_as_it_came() {
    let server = Server::shared().await;
    let options = server.options("parked").await;
    let sender = sender(&options).await;
    assert_eq!(sender.attempt("no-event", "not JSON").await.0, 200);
    server.send("parked", "?").await;
    let work = Work::start(&options, |_| false).await;

    let dead = dead_letters(&server, "parked", &options, 2).await;
    let mut letters = list(&dead).await;
    letters.sort_by_key(|letter| letter.unreadable().is_some());
    let reasons: Vec<_> = letters.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, ["not_an_event", "unreadable"]);
    let envelope = letters[0].envelope().expect("an envelope");
    assert_eq!((letters[0].id(), &envelope.body()[..]), ("no-event", &b"not JSON"[..]));
    assert_eq!(letters[1].unreadable(), Some(&b"?"[..]));
    assert_eq!(work.count(), 0);

    assert_eq!(dead.delete(Select::Id(letters[1].id())).await.expect("a server"), 1);
    assert_eq!(dead.replay(Select::All).await.expect("a server"), 1);
    are_there(&server, "parked", 1).await;
    assert_eq!(dead.delete(Select::All).await.expect("a server"), 1);
    assert_eq!(server.messages("parked-dead").await, 0);
    work.stop().await;
}

/// The console of SQS moves a dead letter with its attributes.
#[tokio::test]
async fn a_dead_letter_that_another_tool_moves_back_has_its_attempts_again() {
    let server = Server::shared().await;
    let options = server.options("moved").await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    let work = Work::start(&options, |attempt| attempt <= 3).await;
    let dead = dead_letters(&server, "moved", &options, 1).await;
    let client = server.client();
    let (from, to) = (server.url("moved-dead").await, server.url("moved").await);
    let request = client.receive_message().queue_url(&from).message_attribute_names("All");
    let got = request.send().await.expect("a server").messages.expect("a dead letter");
    let attributes = got[0].message_attributes.clone();
    let state = |value: &MessageAttributeValue| value.string_value().map(str::to_owned);
    let state = attributes.as_ref().and_then(|all| state(&all["webhook-state"]));
    assert_eq!(state.as_deref(), Some("attempts=2 vanished=0 reason=failed"));
    let request = client.send_message().queue_url(to).set_message_attributes(attributes);
    request.message_body(got[0].body().expect("a body")).send().await.expect("a server");
    assert_eq!(dead.delete(Select::All).await.expect("a server"), 0, "it is in flight");
    // One that fails, and one that does not.
    eventually("two more attempts", async || work.count() == 4).await;
    eventually("it is done", async || server.messages("moved").await == 0).await;
    work.stop().await;
}

/// A web server's handler may call them.
#[tokio::test]
async fn the_futures_can_be_sent_to_another_thread() {
    let server = Server::shared().await;
    let options = server.options("send").await;
    let dead = SqsDeadLetters::connect(&options).await.expect("a server");
    let replayed = tokio::spawn(async move {
        assert!(list(&dead).await.is_empty());
        dead.replay(Select::All).await
    });
    assert_eq!(replayed.await.expect("no panic").expect("a server"), 0);
}
