//! sc08–sc11: what a sender expects of its receivers.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::scheme::{Hash, Scheme, Terms};
use nevent_webhooks::{Delivery, Rejection, VerifyOptions};

use crate::support::sender::Key;
use crate::support::{Adapter, Receiver, Sender, rows};

rows!(
    sc08_the_body_limit_is_the_senders,
    sc08_a_configured_limit_overrides_it,
    sc09_a_slow_body_of_an_impatient_sender,
    sc09_a_slow_handler_for_an_impatient_sender,
    sc10_only_200_is_success,
    sc10_any_2xx_is_success_for_others,
    sc11_403_for_a_sender_that_stops_at_a_401,
);

const MIB: usize = 1024 * 1024;

async fn sc08_the_body_limit_is_the_senders(adapter: Adapter) {
    for (sender, limit) in [
        (Sender::of(Scheme::nevent()), MIB),
        (Sender::of(Scheme::meta()), 3 * MIB),
        (Sender::of(Scheme::github()), 25 * MIB),
    ] {
        // Hashing 25 MiB takes seconds in a debug build, and more on a busy machine.
        let patient = |options: VerifyOptions| options.body_timeout(Duration::from_secs(60));
        let receiver = sender.on(adapter).verify(patient).start().await;
        let longest = sender.post_body("d-1", receiver.now(), vec![b'x'; limit]);
        receiver.deliver(&longest).await.is(200, "");
        assert_eq!(receiver.seen()[0].body().len(), limit);
        let longer = sender.post("d-2", receiver.now());
        let longer = longer.but_send("").with_header("Content-Length", (limit + 1).to_string());
        receiver.deliver(&longer).await.is(413, "Payload too large");
        assert_eq!(receiver.runs(), 1);
    }
}

async fn sc08_a_configured_limit_overrides_it(adapter: Adapter) {
    let sender = Sender::of(Scheme::github());
    let receiver = sender.on(adapter).verify(|options| options.body_limit(10)).start().await;
    let post = |length| sender.post_body("d", receiver.now(), vec![b'x'; length]);
    receiver.deliver(&post(11)).await.is(413, "Payload too large");
    receiver.deliver(&post(10)).await.is(200, "");
}

/// Slack waits 3 s: its body may take 2 s, and its handler 2.7 s. Nevent's may take 5 s and 9 s.
async fn sc09_a_slow_body_of_an_impatient_sender(adapter: Adapter) {
    let sender = Sender::of(Scheme::slack());
    let receiver = sender.on(adapter).start().await;
    let (head, body) = sender.post("d", receiver.now()).wire(receiver.now());
    let mut connection = receiver.connect().await;
    let begun = Instant::now();
    connection.send(&[&head, &body[..9]].concat()).await;
    connection.reply().await.is(408, "Body timeout");
    took_about(begun, Duration::from_secs(2));
    assert_eq!(receiver.runs(), 0);
}

async fn sc09_a_slow_handler_for_an_impatient_sender(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let sender = Sender::of(Scheme::slack());
    let receiver = sender.receiving(setup).start().await;
    let (begun, post) = (Instant::now(), sender.post("d", receiver.now()));
    receiver.deliver(&post).await.is(503, "Still processing");
    took_about(begun, Duration::from_millis(2700));
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&post).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

/// Not sooner, and not as late as with Nevent's limits.
fn took_about(begun: Instant, expected: Duration) {
    let took = begun.elapsed();
    assert!(took >= expected && took < Duration::from_millis(4900), "{took:?}");
}

/// Answers with the status that is the body.
async fn as_told(delivery: Delivery) -> Result<StatusCode, Rejection> {
    let status = std::str::from_utf8(delivery.body()).ok().and_then(|text| text.parse().ok());
    Ok(status.expect("a status"))
}

async fn sc10_only_200_is_success(adapter: Adapter) {
    let sender = Sender::of(Scheme::meta());
    let receiver = sender.on(adapter).refusing_handler(as_told).start().await;
    for (told, sent) in [
        ("200", 200),
        ("201", 200),
        ("202", 200),
        ("204", 200),
        ("299", 200),
        ("302", 302),
        ("404", 404),
        ("500", 500),
    ] {
        let post = sender.post_body("", receiver.now(), told);
        receiver.deliver(&post).await.is(sent, "");
        // What was sent as a success was recorded as one.
        let repeat = receiver.deliver(&post).await;
        repeat.is(sent, if sent == 200 { "Already processed" } else { "" });
    }
}

async fn sc10_any_2xx_is_success_for_others(adapter: Adapter) {
    for sender in Sender::all().iter().filter(|sender| sender.name != "meta") {
        let receiver = sender.on(adapter).refusing_handler(as_told).start().await;
        receiver.deliver(&sender.post_body("d-1", receiver.now(), "204")).await.is(204, "");
    }
}

/// `ClickUp` suspends a webhook at once after a 401.
async fn sc11_403_for_a_sender_that_stops_at_a_401(adapter: Adapter) {
    const TERMS: Terms = Terms::new().timeout(Duration::from_secs(7)).forbidden_for_unauthorized();
    let clickup = Scheme::hmac(Hash::Sha256, "x-signature").terms(TERMS);
    let slack = Scheme::slack().builder().terms(TERMS);
    let (clickup, slack) = (clickup.build().expect("a scheme"), slack.build().expect("a scheme"));
    for sender in [Sender::of(clickup), Sender::of(slack)] {
        let receiver = sender.on(adapter).start().await;
        let post = sender.post("d", receiver.now());
        let mut rejected = vec![
            (post.clone().without_header(sender.signature), "Missing signature"),
            (post.clone().with_header(sender.signature, "x"), "Malformed signature"),
            (sender.post_with(Key::Wrong, "d", receiver.now(), "{}"), "Invalid signature"),
        ];
        if sender.is_timed {
            rejected.push((sender.post("d", receiver.now() - 301), "Timestamp too old"));
            rejected.push((sender.post("d", receiver.now() + 301), "Timestamp too new"));
        }
        for (post, text) in rejected {
            let reply = receiver.deliver(&post).await;
            reply.is(403, text);
            assert_eq!(reply.header("www-authenticate"), None);
        }
        receiver.deliver(&post).await.is(200, "");
        assert_eq!(receiver.runs(), 1);
    }
}
