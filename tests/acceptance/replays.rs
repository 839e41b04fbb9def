//! d07, d08: signed bytes that come again under another id, and ids that come again with
//! other bytes.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{Incident, ManualClock, Verifier};

use crate::support::receiver::secret;
use crate::support::{Adapter, EVENT, PREVIOUS_SECRET, Post, Receiver, SECRET, eventually, rows};

rows!(
    d07_replay_under_another_id,
    d07_replay_in_another_spelling,
    d07_replay_across_a_rotation,
    d07_replay_of_a_failed_delivery,
    d07_replay_in_flight,
    d07_retry_signed_afresh_then_replayed,
    d08_id_over_another_body,
    d08_a_conflict_records_no_replay_key,
);

async fn d07_replay_under_another_id(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("first")).await.is(200, "");
    receiver.deliver(&Post::new("other")).await.is(200, "Already processed");
    // To the end of the signature's life, under any number of ids.
    receiver.clock.advance(Duration::from_secs(300));
    receiver.deliver(&Post::new("more").age(300)).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
    assert_eq!(receiver.incidents(Incident::Replay), 2);
    // From a sender whose clock is ahead it lives for twice as long.
    receiver.deliver(&Post::new("ahead").body("ahead").age(-300)).await.is(200, "");
    receiver.clock.advance(Duration::from_secs(600));
    let replay = Post::new("other").body("ahead").age(300);
    receiver.deliver(&replay).await.is(200, "Already processed");
    // A minute more allows for another receiver's clock that is behind.
    receiver.clock.advance(Duration::from_secs(59));
    receiver.clock.step_wall(-59);
    receiver.deliver(&replay).await.is(200, "Already processed");
    // The same body, signed anew under a new id, is a delivery of its own.
    receiver.deliver(&Post::new("new")).await.is(200, "");
    assert_eq!(receiver.runs(), 3);
}

async fn d07_replay_in_another_spelling(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, v1, wrong) = (receiver.now(), Post::new("").v1(receiver.now()), "0".repeat(64));
    let captured = Post::new("first").signature(format!("t={t},v1={v1},v1={wrong}"));
    receiver.deliver(&captured).await.is(200, "");
    let spellings = [
        format!("t={t},v1={}", v1.to_uppercase()),
        format!("v1={v1},t={t}"),
        format!("t={t}, v1={v1}"),
        format!("t={t},v1={v1}"),
        format!("t={t},v1={wrong},v1={v1},v0=1"),
    ];
    for line in spellings {
        let replay = Post::new("other").signature(line);
        receiver.deliver(&replay).await.is(200, "Already processed");
    }
    assert_eq!(receiver.runs(), 1);
}

/// Two receivers share a store; one knows the new secret alone, the other both.
async fn d07_replay_across_a_rotation(adapter: Adapter) {
    let clock = ManualClock::now();
    let store = Arc::new(MemoryStore::new().clock(clock.clone()));
    let new_only = Receiver::on(adapter).clock(&clock).store(Arc::clone(&store)).start().await;
    let verifier = Verifier::with_secrets([PREVIOUS_SECRET, SECRET].map(secret)).expect("two");
    let both = Receiver::on(adapter).clock(&clock).store(store).verifier(verifier).start().await;

    let with_both = |id: &str| {
        let post = Post::new(id);
        let old = post.clone().secret(PREVIOUS_SECRET).v1(new_only.now());
        let line = format!("{},v1={old}", post.right(new_only.now()));
        post.signature(line)
    };
    new_only.deliver(&with_both("first")).await.is(200, "");
    both.deliver(&with_both("other")).await.is(200, "Already processed");
    // One of the two digests removed: the one the first receiver knew nothing of.
    let old_alone = Post::new("third").secret(PREVIOUS_SECRET);
    both.deliver(&old_alone).await.is(200, "Already processed");
    assert_eq!((new_only.runs(), both.runs()), (1, 0));
}

async fn d07_replay_of_a_failed_delivery(adapter: Adapter) {
    let receiver = Receiver::on(adapter)
        .handler(|delivery| async move {
            match delivery.verified().age() {
                Some(0) => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::OK,
            }
        })
        .start()
        .await;
    receiver.deliver(&Post::new("first")).await.is(500, "");
    receiver.clock.advance(Duration::from_secs(1));
    receiver.deliver(&Post::new("other").age(1)).await.is(200, "");
    let seen: Vec<_> = receiver.seen().iter().map(|delivery| delivery.id().to_string()).collect();
    assert_eq!(seen, ["first", "first"], "it runs again under the first id");
    receiver.deliver(&Post::new("first").age(1)).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 2);
}

async fn d07_replay_in_flight(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let mut first = receiver.start(&Post::new("first")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    receiver.deliver(&Post::new("other")).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    first.reply().await.is(200, "");
    assert_eq!(receiver.runs(), 1);
}

/// A retry's own signature is remembered too, although the retry did not run.
async fn d07_retry_signed_afresh_then_replayed(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("first")).await.is(200, "");
    receiver.clock.advance(Duration::from_secs(60));
    receiver.deliver(&Post::new("first")).await.is(200, "Already processed");
    receiver.deliver(&Post::new("other")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

async fn d08_id_over_another_body(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let other = Post::new("d").body([&EVENT[..EVENT.len() - 1], b"\n"].concat());
    let mut first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    receiver.deliver(&other).await.is(422, "Delivery id reused");
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&other).await.is(422, "Delivery id reused");
    assert_eq!(receiver.runs(), 1);
    assert_eq!(receiver.incidents(Incident::Conflict), 2);
}

/// An attacker who sends a captured delivery under an id that is taken must not keep the genuine
/// one out.
async fn d08_a_conflict_records_no_replay_key(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("taken")).await.is(200, "");
    receiver.deliver(&Post::new("taken").body("captured")).await.is(422, "Delivery id reused");
    receiver.deliver(&Post::new("genuine").body("captured")).await.is(200, "");
    assert_eq!(receiver.runs(), 2);
}
