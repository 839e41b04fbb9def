//! Dead letters: what becomes one, and how it is replayed.

use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use nevent_webhooks_queues::sqs::{SqsDeadLetters, SqsError, SqsOptions};
use nevent_webhooks_queues::{DeadLetter, Select};

use crate::engine::{Work, sender};
use crate::server::Server;
use crate::support::eventually;
use crate::support::sender::Sent;

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
