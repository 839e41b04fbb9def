//! sc12–sc15, sc22: what makes two deliveries the same, for each place where an id can stand.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::scheme::{Identity, Scheme};
use nevent_webhooks::{DedupeKey, DedupeOptions, Delivery, Incident};

use crate::support::sender::body_of;
use crate::support::{Adapter, Receiver, Sender, eventually, rows};

rows!(
    sc12_a_signed_id_counts_alone,
    sc12_a_signed_id_in_flight,
    sc13_an_id_in_the_body_counts_alone,
    sc13_a_body_without_the_field_counts_as_its_bytes,
    sc13_no_id_in_the_body_is_the_hash_of_another,
    sc14_a_repeat_and_a_conflict_of_an_unsigned_id,
    sc14_a_replay_under_another_id,
    sc14_a_replay_of_a_failed_delivery,
    sc14_a_replay_after_a_late_completion,
    sc14_the_event_id_counts_for_nevent_alone,
    sc15_the_bytes_of_a_body_count,
    sc22_unsigned_ids_that_are_trusted,
);

const SECOND: Duration = Duration::from_secs(1);

/// The body of a retry may differ, and its time does.
async fn sc12_a_signed_id_counts_alone(adapter: Adapter) {
    for scheme in [Scheme::standard_webhooks(), Scheme::svix()] {
        let sender = Sender::of(scheme);
        let receiver = sender.on(adapter).start().await;
        receiver.deliver(&sender.post_body("d-1", receiver.now(), "{}")).await.is(200, "");
        receiver.clock.advance(600 * SECOND);
        let retry = sender.post_body("d-1", receiver.now(), r#"{"attempt":2}"#);
        receiver.deliver(&retry).await.is(200, "Already processed");
        receiver.deliver(&sender.post_body("d-2", receiver.now(), "{}")).await.is(200, "");
        assert_eq!(ids(&receiver), ["d-1", "d-2"]);
        assert_eq!(receiver.incidents(Incident::Conflict), 0);
    }
}

async fn sc12_a_signed_id_in_flight(adapter: Adapter) {
    let sender = Sender::of(Scheme::standard_webhooks());
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = sender.receiving(setup).start().await;
    let mut first = receiver.start(&sender.post_body("d", receiver.now(), "{}")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    let retry = sender.post_body("d", receiver.now(), "[]");
    receiver.deliver(&retry).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&retry).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

async fn sc13_an_id_in_the_body_counts_alone(adapter: Adapter) {
    for (sender, field) in
        [(Sender::of(Scheme::stripe()), "id"), (Sender::of(Scheme::slack()), "event_id")]
    {
        let receiver = sender.on(adapter).start().await;
        let post = |id: &str, more: u32| {
            let body = format!(r#"{{"{field}":"{id}","pending_webhooks":{more}}}"#);
            sender.post_body("", receiver.now(), body)
        };
        receiver.deliver(&post("evt_1", 1)).await.is(200, "");
        receiver.clock.advance(600 * SECOND);
        receiver.deliver(&post("evt_1", 0)).await.is(200, "Already processed");
        receiver.deliver(&post("evt_2", 1)).await.is(200, "");
        assert_eq!(ids(&receiver), ["evt_1", "evt_2"]);
        assert_eq!(receiver.seen()[0].identity(), Identity::BodyField);
    }
}

async fn sc13_a_body_without_the_field_counts_as_its_bytes(adapter: Adapter) {
    let sender = Sender::of(Scheme::slack());
    let receiver = sender.on(adapter).start().await;
    let bodies = [
        "token=x&command=%2Fweather",
        "token=x&command=%2Ftime",
        r#"{"event_id":"a","event_id":"b"}"#,
        r#"{"event_id":""}"#,
        "[]",
        "",
    ];
    for body in bodies {
        receiver.deliver(&sender.post_body("", receiver.now(), body)).await.is(200, "");
        let later = sender.post_body("", receiver.now() - 1, body);
        receiver.deliver(&later).await.is(200, "Already processed");
    }
    let seen = receiver.seen();
    assert_eq!(seen.len(), bodies.len());
    for delivery in &seen {
        assert_eq!(delivery.identity(), Identity::BodyHash);
        assert!(delivery.id().as_str().starts_with("sha256:"), "{}", delivery.id());
    }
}

/// The senders whose id stands in a header that the signature does not cover.
fn with_unsigned_id() -> impl Iterator<Item = Sender> {
    let names = ["nevent", "github", "shopify", "sha512", "sha512-timed"];
    Sender::all().into_iter().filter(move |sender| names.contains(&sender.name))
}

async fn sc14_a_repeat_and_a_conflict_of_an_unsigned_id(adapter: Adapter) {
    for sender in with_unsigned_id() {
        let receiver = sender.on(adapter).start().await;
        let now = receiver.now();
        receiver.deliver(&sender.post("d-1", now)).await.is(200, "");
        receiver.deliver(&sender.post("d-1", now)).await.is(200, "Already processed");
        let other = sender.post_body("d-1", now, "another body");
        receiver.deliver(&other).await.is(422, "Delivery id reused");
        assert_eq!(receiver.incidents(Incident::Conflict), 1);
        receiver.deliver(&sender.post_body("d-2", now, "another body")).await.is(200, "");
        assert_eq!(ids(&receiver), ["d-1", "d-2"]);
    }
}

/// Without a signed time, a replay is recognised for as long as the record exists.
async fn sc14_a_replay_under_another_id(adapter: Adapter) {
    for sender in with_unsigned_id() {
        let receiver = sender.on(adapter).start().await;
        let (now, body) = (receiver.now(), body_of("d-1"));
        receiver.deliver(&sender.post_body("d-1", now, &body)).await.is(200, "");
        let replay = |id: &str| sender.post_body(id, now, &body);
        receiver.deliver(&replay("x-1")).await.is(200, "Already processed");
        receiver.clock.advance(300 * SECOND);
        receiver.deliver(&replay("x-2")).await.is(200, "Already processed");
        receiver.clock.advance(361 * SECOND);
        if sender.is_timed {
            receiver.deliver(&replay("x-3")).await.is(401, "Timestamp too old");
        } else {
            receiver.deliver(&replay("x-3")).await.is(200, "Already processed");
            receiver.clock.advance(23 * 3600 * SECOND);
            receiver.deliver(&replay("x-4")).await.is(200, "Already processed");
        }
        assert_eq!(receiver.incidents(Incident::Replay), if sender.is_timed { 2 } else { 4 });
        assert_eq!(ids(&receiver), ["d-1"]);
    }
}

async fn sc14_a_replay_of_a_failed_delivery(adapter: Adapter) {
    for sender in with_unsigned_id() {
        let setup = sender.on(adapter).handler(fails_first());
        let receiver = setup.start().await;
        let (now, body) = (receiver.now(), body_of("d-1"));
        receiver.deliver(&sender.post_body("d-1", now, &body)).await.is(500, "");
        receiver.deliver(&sender.post_body("x-1", now, &body)).await.is(200, "");
        receiver.deliver(&sender.post_body("d-1", now, &body)).await.is(200, "Already processed");
        assert_eq!(ids(&receiver), ["d-1", "d-1"], "it runs again under the first id");
    }
}

/// The record is kept from the end of the handler, and so are the signed bytes.
async fn sc14_a_replay_after_a_late_completion(adapter: Adapter) {
    let hour = 3600 * SECOND;
    for (scheme, hours) in [(Scheme::github(), 73), (Scheme::shopify(), 24)] {
        let sender = Sender::of(scheme);
        let receiver = sender.on(adapter).handler(fails_first()).start().await;
        let (now, body) = (receiver.now(), body_of("d-1"));
        receiver.deliver(&sender.post_body("d-1", now, &body)).await.is(500, "");
        receiver.clock.advance((hours - 2) * hour);
        receiver.deliver(&sender.post_body("d-1", now, &body)).await.is(200, "");
        for id in ["x-1", "x-2"] {
            receiver.clock.advance((hours - 1) / 2 * hour);
            let replay = sender.post_body(id, now, &body);
            receiver.deliver(&replay).await.is(200, "Already processed");
        }
        assert_eq!(ids(&receiver), ["d-1", "d-1"]);
    }
}

/// Another sender's `id` in the body may name what the event is about, and not the event.
async fn sc14_the_event_id_counts_for_nevent_alone(adapter: Adapter) {
    for sender in [Sender::of(Scheme::svix()), Sender::of(Scheme::shopify())] {
        let options = DedupeOptions::new().dedupe_by(DedupeKey::EventId);
        let receiver = sender.on(adapter).options(options).start().await;
        for (id, kind) in [("m-1", "user.created"), ("m-2", "user.updated")] {
            let body = format!(r#"{{"id":"user-1","type":"{kind}","data":{{}}}}"#);
            receiver.deliver(&sender.post_body(id, receiver.now(), body)).await.is(200, "");
        }
        assert_eq!(ids(&receiver), ["m-1", "m-2"]);
    }
}

/// Whoever chooses an id must not be able to choose the hash of another body.
async fn sc13_no_id_in_the_body_is_the_hash_of_another(adapter: Adapter) {
    let sender = Sender::of(Scheme::slack());
    let receiver = sender.on(adapter).start().await;
    let send = |body: &str| sender.post_body("", receiver.now(), body);
    receiver.deliver(&send("{}")).await.is(200, "");
    let of_nothing = receiver.seen()[0].id().to_string();
    let same = format!(r#"{{"event_id":"{of_nothing}"}}"#);
    receiver.deliver(&send(&same)).await.is(200, "");
    receiver.deliver(&send(&same)).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 2);
}

/// One order for two topics has the same bytes. By default the second is taken for a replay.
async fn sc22_unsigned_ids_that_are_trusted(adapter: Adapter) {
    let sender = Sender::of(Scheme::shopify());
    let send = |receiver: &Receiver, id: &str| sender.post_body(id, receiver.now(), "{}");
    let receiver = sender.on(adapter).start().await;
    receiver.deliver(&send(&receiver, "w-1")).await.is(200, "");
    receiver.deliver(&send(&receiver, "w-2")).await.is(200, "Already processed");

    let options = DedupeOptions::new().dangerously_trust_unsigned_ids();
    let receiver = sender.on(adapter).options(options.clone()).start().await;
    receiver.deliver(&send(&receiver, "w-1")).await.is(200, "");
    receiver.deliver(&send(&receiver, "w-2")).await.is(200, "");
    receiver.deliver(&send(&receiver, "w-1")).await.is(200, "Already processed");
    assert_eq!(ids(&receiver), ["w-1", "w-2"]);

    // A signed time makes different events differ, so Nevent's replays are recognised all the same.
    let nevent = Sender::of(Scheme::nevent());
    let receiver = nevent.on(adapter).options(options).start().await;
    let now = receiver.now();
    receiver.deliver(&nevent.post_body("d-1", now, "{}")).await.is(200, "");
    receiver.deliver(&nevent.post_body("d-2", now, "{}")).await.is(200, "Already processed");
}

/// Fails for the first delivery alone.
fn fails_first() -> impl Fn(Delivery) -> std::future::Ready<StatusCode> + Send + Sync {
    let calls = std::sync::atomic::AtomicUsize::new(0);
    move |_| {
        let is_first = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        let status = if is_first { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        std::future::ready(status)
    }
}

async fn sc15_the_bytes_of_a_body_count(adapter: Adapter) {
    let sender = Sender::of(Scheme::meta());
    let receiver = sender.on(adapter).start().await;
    for body in [r#"{"entry":[1]}"#, r#"{"entry": [1]}"#, r#"{"entry":[2]}"#, ""] {
        let post = sender.post_body("", receiver.now(), body);
        receiver.deliver(&post).await.is(200, "");
        receiver.clock.advance(3600 * SECOND);
        receiver.deliver(&post).await.is(200, "Already processed");
    }
    let hashes = ids(&receiver);
    assert!(hashes.iter().all(|id| id.len() == "sha256:".len() + 64), "{hashes:?}");
    let (of_nothing, sha256) = (&hashes[3], "e3b0c44298fc1c149afbf4c8996fb924");
    assert!(of_nothing.starts_with(&format!("sha256:{sha256}")), "{of_nothing}");
}

/// The ids under which handlers ran.
fn ids(receiver: &Receiver) -> Vec<String> {
    receiver.seen().iter().map(|delivery| delivery.id().to_string()).collect()
}
