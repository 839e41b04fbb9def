//! sc20: events that say when they were created, and are older than their record could be.

use std::time::Duration;

use nevent_webhooks::scheme::{Hash, Scheme, Terms};
use nevent_webhooks::{DedupeOptions, Rejection};

use crate::support::sender::body_of;
use crate::support::{Adapter, Receiver, Sender, rows};

rows!(
    sc20_an_event_as_old_as_the_retention_and_older,
    sc20_a_replay_after_its_record_has_expired,
    sc20_a_creation_ahead_of_the_clock,
    sc20_a_body_without_a_creation_time,
    sc20_the_retention_is_the_deliverys,
    sc20_403_for_a_sender_that_stops_at_a_401,
);

const DAY: i64 = 24 * 3600;
/// GitHub's, by default: an hour more than the three days of its redeliveries.
const RETENTION: i64 = 3 * DAY + 3600;

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

fn limited() -> DedupeOptions {
    DedupeOptions::new().reject_events_older_than_retention("data.created")
}

async fn start(adapter: Adapter) -> (Sender, Receiver) {
    let sender = Sender::of(Scheme::github());
    let receiver = sender.on(adapter).options(limited()).start().await;
    (sender, receiver)
}

fn created(at: impl std::fmt::Display) -> String {
    format!(r#"{{"data":{{"created":{at}}}}}"#)
}

async fn sc20_an_event_as_old_as_the_retention_and_older(adapter: Adapter) {
    let (sender, receiver) = start(adapter).await;
    let now = receiver.now();
    let post = |id: &str, at: i64| sender.post_body(id, now, created(at));
    receiver.deliver(&post("new", now)).await.is(200, "");
    receiver.deliver(&post("border", now - RETENTION)).await.is(200, "");
    receiver.deliver(&post("old", now - RETENTION - 1)).await.is(401, "Event too old");
    let millis = sender.post_body("ms", now, created((now - RETENTION) * 1000));
    receiver.deliver(&millis).await.is(200, "");
    let text = sender.post_body("text", now, created(r#""2022-01-01T00:00:00Z""#));
    receiver.deliver(&text).await.is(401, "Event too old");
    assert_eq!(receiver.runs(), 3);
}

/// To the second: first the record recognises the replay, then its age is too high.
async fn sc20_a_replay_after_its_record_has_expired(adapter: Adapter) {
    let (sender, receiver) = start(adapter).await;
    let captured = sender.post_body("d", receiver.now(), created(receiver.now()));
    let replay = sender.post_body("x", receiver.now(), created(receiver.now()));
    receiver.deliver(&captured).await.is(200, "");
    receiver.clock.advance(seconds(RETENTION));
    receiver.deliver(&captured).await.is(200, "Already processed");
    receiver.deliver(&replay).await.is(200, "Already processed");
    for wait in [1, 300, DAY, 365 * DAY] {
        receiver.clock.advance(seconds(wait));
        receiver.deliver(&captured).await.is(401, "Event too old");
        receiver.deliver(&replay).await.is(401, "Event too old");
    }
    assert_eq!(receiver.runs(), 1);
}

/// The record of an event from a sender whose clock is ahead lasts until the event is too old.
async fn sc20_a_creation_ahead_of_the_clock(adapter: Adapter) {
    let (sender, receiver) = start(adapter).await;
    let now = receiver.now();
    let too_new = sender.post_body("d", now, created(now + 301));
    receiver.deliver(&too_new).await.is(401, "Event too new");
    let ahead = sender.post_body("d", now, created(now + 300));
    receiver.deliver(&ahead).await.is(200, "");
    receiver.clock.advance(seconds(RETENTION + 299));
    receiver.deliver(&ahead).await.is(200, "Already processed");
    receiver.clock.advance(seconds(2));
    receiver.deliver(&ahead).await.is(401, "Event too old");
    assert_eq!(receiver.runs(), 1);
}

async fn sc20_a_body_without_a_creation_time(adapter: Adapter) {
    let (sender, receiver) = start(adapter).await;
    let now = receiver.now();
    let twice = format!(r#"{{"data":{{"created":{now},"created":{now}}}}}"#);
    let bodies = ["", "created=1", "[]", "{}", &created("null"), &created(r#""today""#), &twice];
    for body in bodies {
        let post = sender.post_body("d", now, body);
        receiver.deliver(&post).await.is(401, "Missing creation time");
    }
    assert_eq!(receiver.runs(), 0);
    receiver.deliver(&sender.post_body("d", now, created(now))).await.is(200, "");
}

/// An explicit retention counts as the retention of the record does: not below the horizon.
async fn sc20_the_retention_is_the_deliverys(adapter: Adapter) {
    for (sender, days) in [(Scheme::github(), 3), (Scheme::meta(), 7)] {
        let (sender, options) = (Sender::of(sender), limited().retention(seconds(DAY)));
        let receiver = sender.on(adapter).options(options).start().await;
        let now = receiver.now();
        let border = sender.post_body("d", now, created(now - days * DAY));
        receiver.deliver(&border).await.is(200, "");
        let older = sender.post_body("e", now, created(now - days * DAY - 1));
        receiver.deliver(&older).await.is(401, "Event too old");
    }
}

async fn sc20_403_for_a_sender_that_stops_at_a_401(adapter: Adapter) {
    let scheme = Scheme::hmac(Hash::Sha256, "x-signature");
    let scheme = scheme.terms(Terms::new().forbidden_for_unauthorized()).build();
    let sender = Sender::of(scheme.expect("a scheme"));
    let receiver = sender.on(adapter).options(limited()).start().await;
    let without = sender.post_body("d", receiver.now(), body_of("d"));
    let reply = receiver.deliver(&without).await;
    reply.is(403, "Missing creation time");
    assert_eq!(reply.header("www-authenticate"), None);
    let old = sender.post_body("d", receiver.now(), created(0));
    receiver.deliver(&old).await.is(403, "Event too old");
    assert_eq!(receiver.runs(), 0);
}

#[test]
fn sc20_a_rejection_says_how_old_the_event_is() {
    let error = nevent_webhooks::CreationTimeError::Missing;
    assert_eq!(
        Rejection::CreationTime(error).to_string(),
        "authentic, but the body has no readable time of creation in the configured field",
    );
}
