//! The receiver and the worker while SQS does not answer, or its answers are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_smithy_types::timeout::TimeoutConfig;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::WorkerIncident;
use nevent_webhooks_queues::sqs::SqsOptions;
use tokio::time::{sleep, timeout};

use crate::proxy::{Mode, Proxy};
use crate::server::{Server, config, options};
use crate::support::sender::{Sender, Sent, event_json};
use crate::support::{PATIENCE, eventually};
use crate::work::{Work, sender};

async fn is_answered_503(sender: &Sender) {
    let (status, text) = sender.attempt("single-2", &event_json("evt_single_2")).await;
    assert_eq!((status, text.as_str()), (503, "Try again later"));
}

#[tokio::test]
async fn while_sqs_does_not_answer_the_sender_is_answered_503_and_both_halves_go_on_afterwards() {
    let server = Server::start().await;
    let options = server.options("tickets").await.timeout(Duration::from_secs(1));
    let sender = sender(&options).await;
    let work = Work::start(&options, |_| false).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;

    server.process.signal("-STOP");
    is_answered_503(&sender).await;
    server.process.signal("-CONT");
    sender.deliver(&Sent::single(2)).await;
    eventually("it is handled, too", async || work.ids().contains(&"evt_single_2".to_owned()))
        .await;
    work.stop().await;
}

#[tokio::test]
async fn without_a_connection_and_without_answers_nothing_is_lost() {
    let server = Server::shared().await;
    let proxy = Proxy::to(server.port).await;
    drop(server.options("proxied").await);
    let options = options(proxy.port, "proxied").timeout(Duration::from_secs(1));
    let sender = sender(&options).await;
    let work = Work::start(&options, |_| false).await;
    for mode in [Mode::Cut, Mode::LoseAnswers] {
        proxy.set(mode);
        is_answered_503(&sender).await;
        proxy.set(Mode::Pass);
    }
    sender.deliver(&Sent::single(2)).await;
    eventually("it is handled", async || work.count() > 0).await;
    eventually("nothing stays", async || server.messages("proxied").await == 0).await;
    assert_eq!(work.ids(), ["evt_single_2"], "there were copies");
    work.stop().await;
}

/// The copy is sent and its answer is lost, or it cannot be sent at all: the handler does not run again at
/// once, and the worker can be stopped.
#[tokio::test]
async fn an_entry_that_cannot_be_sent_again_stays_with_its_worker() {
    let server = Server::shared().await;
    let proxy = Arc::new(Proxy::to(server.port).await);
    drop(server.options("kept").await);
    let options = options(proxy.port, "kept").timeout(Duration::from_secs(1));
    sender(&options).await.deliver(&Sent::single(1)).await;
    let (cut, failures) = (Arc::clone(&proxy), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&failures);
    let observer = move |happened: &WorkerIncident<'_>| {
        if matches!(happened, WorkerIncident::QueueFailed { .. }) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    };
    let fails = move |attempt| {
        cut.set(Mode::Cut);
        attempt == 1
    };
    let work = Work::with(&options, MemoryStore::new(), observer, fails).await;
    eventually("failures", async || failures.load(Ordering::Relaxed) >= 3).await;
    assert_eq!(work.count(), 1);
    timeout(PATIENCE, work.stop()).await.expect("it stops");

    proxy.set(Mode::Pass);
    let work = Work::start(&options, |_| false).await;
    eventually("it is handled", async || work.count() >= 1).await;
    eventually("nothing stays", async || server.messages("kept").await == 0).await;
    work.stop().await;
}

#[tokio::test]
async fn an_observer_that_panics_strands_no_entry() {
    let server = Server::shared().await;
    let options = server.options("panics").await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    let observer = |happened: &WorkerIncident<'_>| panic!("{happened:?}");
    let work = Work::with(&options, MemoryStore::new(), observer, |_| true).await;
    eventually("the dead letter", async || server.messages("panics-dead").await == 1).await;
    assert_eq!(work.count(), 2);
    work.stop().await;
}

/// A request that waits for messages is not answered for up to 20 s.
#[tokio::test]
async fn a_read_timeout_of_the_users_configuration_ends_no_request_that_waits() {
    let server = Server::shared().await;
    drop(server.options("patient").await);
    let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_secs(1)).build();
    let config = config(server.port).to_builder().timeout_config(timeouts).build();
    let options = SqsOptions::new(config, "patient").expect("a name");
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    let observer = move |happened: &WorkerIncident<'_>| {
        if matches!(happened, WorkerIncident::QueueFailed { .. }) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    };
    let work = Work::with(&options, MemoryStore::new(), observer, |_| false).await;
    sleep(Duration::from_secs(3)).await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;
    assert_eq!(failures.load(Ordering::Relaxed), 0);
    work.stop().await;
}
