//! What the checks count: acceptance, rejections, handshakes and tokens.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::VerifyOptions;

use crate::counted::Counted;
use crate::support::{Adapter, Asks, OTHER_SECRET, Post, Receiver, eventually, rows};

rows!(
    a_rejection_counts_by_its_reason_alone,
    a_body_that_stalls,
    a_body_beyond_the_budget,
    a_header_that_is_not_the_events_type,
);

/// What moves when a delivery is verified.
pub const VERIFIED: &[&str] = &[
    "body_read_seconds",
    "deliveries_total nevent verified",
    "secret_matches_total primary",
    "signature_age_seconds",
];

fn limited(options: VerifyOptions) -> VerifyOptions {
    options.body_limit(1000)
}

async fn a_rejection_counts_by_its_reason_alone(adapter: Adapter) {
    let mut counted = Counted::new();
    let receiver = counted.both_layers(Receiver::on(adapter), limited).start().await;
    let post = || Post::new("d");
    for (post, reason) in [
        (post().without_signature(), "missing_signature"),
        (post().signature("t=1"), "malformed_signature"),
        (post().secret(OTHER_SECRET), "invalid_signature"),
        (post().but_send("{}"), "invalid_signature"),
        (post().age(301), "timestamp_too_old"),
        (post().age(-301), "timestamp_too_new"),
        (post().without_id(), "missing_delivery_id"),
        (post().header("X-Nevent-Delivery", "again"), "malformed_delivery_id"),
        (post().header("Content-Encoding", "gzip"), "unsupported_content_encoding"),
        (post().body(vec![b'x'; 1001]), "payload_too_large"),
    ] {
        let reply = receiver.deliver(&post).await;
        assert!(reply.status >= 400, "{reply:?}");
        counted.moved(&[&[&format!("rejections_total {reason}")]]).await;
    }
    assert_eq!(receiver.runs(), 0);
}

async fn a_body_that_stalls(adapter: Adapter) {
    let mut counted = Counted::new();
    let quick = |options: VerifyOptions| options.stall_timeout(Duration::from_millis(100));
    let receiver = counted.both_layers(Receiver::on(adapter), quick).start().await;
    let (head, body) = Post::new("d").wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&[&head, &body[..10]].concat()).await;
    connection.reply().await.is(408, "Body timeout");
    counted.moved(&[&["rejections_total body_timeout"]]).await;
}

async fn a_body_beyond_the_budget(adapter: Adapter) {
    const LIMIT: usize = 64 * 1024;
    let mut counted = Counted::new();
    let small = |options: VerifyOptions| options.body_limit(LIMIT).unverified_budget(LIMIT);
    let receiver = counted.both_layers(Receiver::on(adapter), small).start().await;
    let (head, body) = Post::new("d").body(vec![b'x'; LIMIT]).wire(receiver.now());
    let mut stalled = receiver.connect().await;
    stalled.send(&[&head, &body[..LIMIT - 1]].concat()).await;
    eventually("it arrived", || receiver.verify.unverified_bytes() >= LIMIT - 1).await;
    receiver.deliver(&Post::new("e")).await.is(503, "Try again later");
    counted.moved(&[&["rejections_total body_budget_exhausted"]]).await;
    stalled.reset();
}

/// In strict mode it is the outcome before a rejection. Otherwise it counts when the handler reads the
/// event, whose type is here that of the header.
async fn a_header_that_is_not_the_events_type(adapter: Adapter) {
    let mismatch = "deliveries_total nevent event_type_mismatch";
    let post = Post::new("d").event("fan.created");
    let mut counted = Counted::new();
    let strict = VerifyOptions::strict_event_type;
    let receiver = counted.both_layers(Receiver::on(adapter), strict).start().await;
    receiver.deliver(&post).await.is(400, "Event type mismatch");
    counted.moved(&[&[mismatch, "rejections_total event_type_mismatch"]]).await;

    let mut counted = Counted::new();
    let setup = Receiver::on(adapter).asking_for(Asks::Event, |received| async {
        received.event.expect("asked for").map(|_| StatusCode::OK)
    });
    let receiver = counted.both_layers(setup, |options| options).start().await;
    // Its data does not have the fields of its type.
    receiver.deliver(&post.body(crate::support::work::event("evt_1"))).await.is(200, "");
    receiver.idle().await;
    let unlike = Post::new("e").event("sms.sent").body(crate::support::work::event("evt_2"));
    receiver.deliver(&unlike).await.is(200, "");
    let handled = [
        "deliveries_total nevent verified +2",
        "deliveries_total nevent claimed +2",
        "deliveries_total nevent handler_succeeded +2",
        "body_read_seconds +2",
        "signature_age_seconds +2",
        "secret_matches_total primary +2",
        "store_duration_seconds claim ok +2",
        "store_duration_seconds complete ok +2",
        "handler_duration_seconds handler_succeeded +2",
        "events_total fan.created handler_succeeded",
        "events_total sms.sent handler_succeeded",
    ];
    counted.moved(&[&handled, &[mismatch]]).await;
}

#[cfg(feature = "schemes")]
mod of_other_senders {
    use nevent_webhooks::scheme::Scheme;
    use nevent_webhooks::store::Scope;
    use nevent_webhooks::token::{Token, TokenLayer};
    use nevent_webhooks::{VerifyLayer, VerifyOptions};

    use crate::counted::Counted;
    use crate::support::receiver::secret;
    use crate::support::tokens::{Sent, TokenReceiver};
    use crate::support::{Adapter, Post, Receiver, SECRET, rows};

    rows!(a_token, a_handshake);

    fn options(counted: &Counted) -> VerifyOptions {
        VerifyOptions::new().scope(Scope::new(counted.scope()).expect("a scope"))
    }

    async fn a_token(adapter: Adapter) {
        let mut counted = Counted::new();
        let token = Token::header("x-make-apikey", SECRET).expect("a token").named("of-make");
        let layer = TokenLayer::builder([token]).name("make").options(options(&counted));
        let receiver = TokenReceiver::start(adapter, layer.build().expect("a layer")).await;
        let sent = Sent::new("{}").header("x-make-apikey", SECRET);
        assert_eq!(receiver.send(&sent).await.status, 202);
        let accepted = ["deliveries_total make token_accepted", "secret_matches_total of-make"];
        counted.moved(&[&accepted, &["body_read_seconds"]]).await;
        let wrong = Sent::new("{}").header("x-make-apikey", "wrong");
        assert_eq!(receiver.send(&wrong).await.status, 401);
        counted.moved(&[&["rejections_total invalid_token"]]).await;
    }

    async fn a_handshake(adapter: Adapter) {
        let mut counted = Counted::new();
        let slack = Scheme::slack().verifier(secret(SECRET));
        let layer = VerifyLayer::with_options(slack, options(&counted));
        let setup = Receiver::on(adapter).scope(counted.scope()).verify_layer(layer);
        let receiver = setup.start().await;
        let body = r#"{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"}"#;
        let signer = Scheme::slack().signer(&secret(SECRET));
        let headers = signer.headers("", receiver.now(), body.as_bytes());
        let headers = headers.iter().map(|(name, value)| (*name, value.clone())).collect();
        let post = Post::of_headers(headers, body.as_bytes());
        assert_eq!(receiver.deliver(&post).await.status, 200);
        counted.moved(&[&["deliveries_total slack handshake_answered"]]).await;
    }
}
