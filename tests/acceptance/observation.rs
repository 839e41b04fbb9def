//! What an observation holds, and what it does not show.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::DedupeOptions;
use nevent_webhooks::observe::{Observation, Outcome};
use nevent_webhooks::store::MemoryStore;

use crate::support::work::{Work, event};
use crate::support::{Adapter, Fault, FaultyStore, Post, Receiver};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// How old it was, how long each part took.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn durations() {
    for adapter in [Adapter::Axum, Adapter::Hyper] {
        let measured = Arc::new(Mutex::new(Vec::new()));
        let inside = Arc::clone(&measured);
        let measure = move |of: &Observation<'_>| {
            let (name, length) = match of.outcome {
                Outcome::Verified { age, body_read, body_bytes, secret, .. } => {
                    assert_eq!((age, secret, body_bytes), (Some(7), "primary", 120));
                    ("body", body_read)
                }
                Outcome::Claimed { took, .. } => ("claim", took),
                Outcome::HandlerSucceeded { took, .. } => ("handler", took),
                _ => return,
            };
            inside.lock().expect("no panic while locked").push((name, length));
        };
        let measure = Arc::new(measure);
        let (verify, dedupe) = (measure.clone(), measure);
        let store = FaultyStore::new(MemoryStore::with_capacity(100).expect("room"));
        store.fail_claims(Fault::Late);
        let setup = Receiver::on(adapter)
            .verify(move |layer| layer.observer(move |of: &Observation<'_>| verify(of)));
        let options = DedupeOptions::new().observer(move |of: &Observation<'_>| dedupe(of));
        let slow = |_| async {
            tokio::time::sleep(ms(50)).await;
            StatusCode::OK
        };
        let receiver = setup.options(options).store(store).handler(slow).start().await;
        let (head, body) = Post::new("d").age(7).body("x".repeat(120)).wire(receiver.now());
        let mut connection = receiver.connect().await;
        connection.send(&head).await;
        tokio::time::sleep(ms(100)).await;
        connection.send(&body).await;
        connection.reply().await.is(200, "");
        let measured = measured.lock().expect("no panic while locked").clone();
        let at_least = [("body", ms(50)), ("claim", ms(199)), ("handler", ms(49))];
        assert_eq!(measured.len(), 3);
        for ((name, length), (due, least)) in measured.iter().zip(at_least) {
            assert!(*name == due && *length >= least && *length < ms(10_000), "{measured:?}");
        }
    }
}

/// Neither bodies nor secrets, in whatever form an observation is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observation_shows_no_body() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let inside = Arc::clone(&written);
    let write = move |of: &Observation<'_>| {
        inside.lock().expect("no panic while locked").push(format!("{of:?}"));
    };
    let setup = Work::on(Adapter::Axum).0.options(DedupeOptions::new().observer(write));
    let receiver = setup.start().await;
    let maria = event("evt_1").replace("fan_1", "maria@example.com");
    for (id, body) in
        [("d", maria.clone()), ("e", maria.replace("\"id\":\"maria", "\"id\":[\"maria"))]
    {
        receiver.deliver(&Post::new(id).body(body)).await;
    }
    let written = written.lock().expect("no panic while locked").concat();
    assert!(written.contains("HandlerSucceeded") && written.contains("HandlerFailed"), "{written}");
    assert!(!written.contains("maria") && !written.contains("whsec_"), "{written}");
}
