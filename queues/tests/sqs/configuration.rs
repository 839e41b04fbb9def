//! Configurations that are refused, and what the error says.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::WorkerIncident;
use nevent_webhooks_queues::sqs::{SqsDeadLetters, SqsError, SqsOptions, SqsQueue};

use crate::engine::{Work, sender};
use crate::server::{Server, config, options};
use crate::support::eventually;
use crate::support::ports::free_port;
use crate::support::sender::{Sent, event_json};

async fn refusal(options: &SqsOptions) -> String {
    let error = SqsQueue::connect(options).await.expect_err("a refusal");
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("hidden"), "{text}");
    text
}

#[tokio::test]
async fn queues_that_would_lose_entries_are_refused() {
    let server = Server::shared().await;
    let client = server.client();
    client.create_queue().queue_name("bare").send().await.expect("a queue");
    let text = refusal(&options(server.port, "bare")).await;
    assert!(
        text.starts_with("the queue `bare` would lose entries: it has no dead-letter"),
        "{text}"
    );

    let few = server.options("few").await;
    let policy = |dead: &str, count: u32| {
        let arn = format!("arn:aws:sqs:eu-west-1:123456789012:{dead}");
        format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{count}"}}"#)
    };
    server.set("few", Name::RedrivePolicy, &policy("few-dead", 3)).await;
    assert!(refusal(&few).await.contains("must be at least 10"));
    server.set("few", Name::RedrivePolicy, &policy("few-dead", 10)).await;
    SqsQueue::connect(&few).await.expect("a safe queue");
    server.set("few-dead", Name::MaximumMessageSize, "2048").await;
    assert!(refusal(&few).await.ends_with("set its `MaximumMessageSize` to 1048576"));

    let circle = server.options("circle").await;
    server.set("circle-dead", Name::RedrivePolicy, &policy("circle", 10)).await;
    assert!(refusal(&circle).await.ends_with("remove its `RedrivePolicy`"));
}

#[tokio::test]
async fn queues_that_forget_too_soon_are_refused() {
    let server = Server::shared().await;
    for queue in ["soon", "soon-dead"] {
        let options = server.options("soon").await;
        server.set(queue, Name::MessageRetentionPeriod, "345600").await;
        let text = refusal(&options).await;
        let expected = format!(
            "the queue `{queue}` would lose entries: SQS deletes its messages after 345600 s, handled or \
            not; set its `MessageRetentionPeriod` to 1209600"
        );
        assert_eq!(text, expected);
        let days = Duration::from_secs(345_600);
        let accepted = options.clone().dangerously_accept_retention(days);
        if queue == "soon" {
            SqsQueue::connect(&accepted).await.expect("an accepted retention");
        } else {
            let text = refusal(&accepted).await;
            assert!(text.contains("keeps messages for less time than its source"), "{text}");
        }
        server.set(queue, Name::MessageRetentionPeriod, "1209600").await;
        SqsQueue::connect(&options).await.expect("a safe queue");
    }
}

#[tokio::test]
async fn a_queue_that_somebody_changes_takes_nothing_more_until_it_is_safe_again() {
    let server = Server::shared().await;
    let options = server.options("changed").await.recheck(Duration::from_secs(1));
    let sender = sender(&options).await;
    let reports = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&reports);
    let observer = move |happened: &WorkerIncident<'_>| {
        if let WorkerIncident::QueueFailed { error, .. } = happened {
            told.lock().expect("no panic").push(error.to_string());
        }
    };
    let work = Work::with(&options, MemoryStore::new(), observer, |_| false).await;
    sender.deliver(&Sent::single(1)).await;
    server.set("changed", Name::MessageRetentionPeriod, "60").await;
    let number = AtomicU32::new(10);
    eventually("a delivery is refused", async || {
        let Sent { id, body, .. } = Sent::single(number.fetch_add(1, Ordering::Relaxed));
        sender.attempt(&id, &body).await.0 == 503
    })
    .await;
    eventually("the worker reports it", async || {
        reports.lock().expect("no panic").iter().any(|text| text.contains("would lose entries"))
    })
    .await;
    server.set("changed", Name::MessageRetentionPeriod, "1209600").await;
    sender.until_accepted("d-3", &event_json("evt_3")).await;
    eventually("it is handled", async || work.ids().contains(&"evt_3".to_owned())).await;
    work.stop().await;
}

/// A worker that is restarted, and a tool, can save what is there.
#[tokio::test]
async fn an_unsafe_queue_is_emptied_and_takes_nothing() {
    let server = Server::shared().await;
    let options = server.options("unsafe").await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    server.set("unsafe", Name::MessageRetentionPeriod, "345600").await;
    assert!(refusal(&options).await.contains("would lose entries"));
    let dead = SqsDeadLetters::connect(&options).await.expect("a server");
    assert!(matches!(dead.warning(), Some(SqsError::LosesEntries { .. })));
    assert!(dead.list(10).await.expect("a server").is_empty());
    let reports = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&reports);
    let observer = move |happened: &WorkerIncident<'_>| {
        if let WorkerIncident::QueueFailed { error, .. } = happened
            && error.to_string().contains("would lose entries")
        {
            told.fetch_add(1, Ordering::Relaxed);
        }
    };
    let work = Work::with(&options, MemoryStore::new(), observer, |_| false).await;
    eventually("it is handled", async || work.count() == 1).await;
    eventually("it is reported", async || reports.load(Ordering::Relaxed) > 0).await;
    work.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_an_error_at_connect() {
    let server = Server::shared().await;
    let error = SqsQueue::connect(&options(server.port, "nowhere")).await.expect_err("a refusal");
    assert!(matches!(&error, SqsError::NoQueue(queue) if queue == "nowhere"), "{error}");
    let nobody = options(free_port(), "tickets").timeout(Duration::from_secs(1));
    let text = refusal(&nobody).await;
    assert!(text.starts_with("no answer from SQS: ") || text.contains("in time"), "{text}");
}

#[tokio::test]
async fn a_url_names_the_queue_too() {
    let server = Server::shared().await;
    drop(server.options("by-url").await);
    let url = server.url("by-url").await;
    let options = SqsOptions::new(config(server.port), &url).expect("a URL");
    SqsQueue::connect(&options).await.expect("a queue");
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    let of = |name: &str| SqsOptions::new(config(1), name);
    for name in ["", ".fifo", "two words", "tickets.dead", &"x".repeat(81)] {
        assert!(matches!(of(name), Err(SqsError::Name)), "{name}");
    }
    assert!(of("tickets-1_A.fifo").is_ok());
    assert!(!format!("{:?}", of("tickets").expect("a name")).contains("hidden"));
}
