//! Bodies that are not plain, and too large.

use std::sync::{Arc, Mutex};

use aws_sdk_sqs::types::QueueAttributeName;
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::sqs::SqsWorker;
use tokio::sync::Notify;

use crate::engine::sender;
use crate::server::Server;
use crate::support::eventually;
use crate::support::sender::{Sent, event_json};

/// All characters that SQS does not take, in a JSON string of the event.
#[tokio::test]
async fn every_byte_of_a_body_arrives() {
    let server = Server::shared().await;
    let options = server.options("bytes").await;
    let odd = "\u{7f}\u{fffe}\u{ffff}\u{1fffe}\u{e000}\u{fffd}\\u0000\\\\\u{ffff}é🎫";
    let body = event_json("evt_odd").replace(r#""data":{}"#, &format!(r#""data":{{"x":"{odd}"}}"#));
    assert!(body.contains(odd));
    sender(&options).await.until_accepted("d-1", &body).await;
    let (bodies, ended) = (Arc::new(Mutex::new(Vec::new())), Notify::new());
    let handler = {
        let bodies = Arc::clone(&bodies);
        move |envelope: Envelope, _: ClaimHandle| {
            bodies.lock().expect("no panic").push(envelope.body().to_vec());
            std::future::ready(Ok::<_, String>(()))
        }
    };
    let worker = SqsWorker::connect(&options).await.expect("a server");
    let once = Once::new("work", MemoryStore::new()).expect("safe options");
    let watch = async {
        eventually("it is handled", async || bodies.lock().expect("no panic").len() == 1).await;
        ended.notify_one();
    };
    tokio::join!(worker.run(&once, handler, ended.notified()), watch);
    assert_eq!(bodies.lock().expect("no panic")[0], body.as_bytes());
}

#[tokio::test]
async fn an_entry_that_is_too_large_is_refused_before_it_is_sent() {
    let server = Server::shared().await;
    let options = server.options("large").await;
    for queue in ["large-dead", "large"] {
        server.set(queue, QueueAttributeName::MaximumMessageSize, "4096").await;
    }
    let sender = sender(&options).await;
    let long = |length: usize| format!("\"{}\"", "x".repeat(length));
    assert_eq!(sender.attempt("d-1", &long(4_096)).await.0, 503);
    assert_eq!(server.messages("large").await, 0);
    assert_eq!(sender.attempt("d-2", &long(2_048)).await.0, 200);
    sender.deliver(&Sent::single(1)).await;
    assert_eq!(server.messages("large").await, 2);
}
