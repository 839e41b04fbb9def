//! r01: a receiver's own responses to rejections.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::{DedupeOptions, Rejection, RejectionResponse, VerifyOptions};

use crate::support::receiver::Setup;
use crate::support::{Adapter, Post, Receiver, Reply, rows};

rows!(
    r01_the_body_and_the_content_type_are_its_own,
    r01_status_and_protocol_headers_stay,
    r01_a_handler_that_panics_or_is_late,
    r01_a_rejected_body_holds_no_connection,
    r01_a_rejected_body_is_not_read_on,
);

fn own(rejection: &Rejection) -> RejectionResponse {
    let body = format!(r#"{{"title":"{}"}}"#, rejection.body_text());
    RejectionResponse::new("application/problem+json", body)
        .header("X-Reason", rejection.as_str())
        .header("Retry-After", "86400")
        .header("WWW-Authenticate", "Basic")
        .header("Content-Length", "3")
        .header("Transfer-Encoding", "chunked")
        .header("Content-Type", "text/html")
        .header("not a name", "x")
        .header("x-not-a-value", "a\r\nx-injected: b")
}

trait OwnResponses {
    fn own(self, verify: VerifyOptions, dedupe: DedupeOptions) -> Setup;
}

impl OwnResponses for Setup {
    fn own(self, verify: VerifyOptions, dedupe: DedupeOptions) -> Setup {
        let own_verify = verify.rejection_response(own);
        let setup = self.options(dedupe.rejection_response(own));
        let clock = nevent_webhooks::ManualClock::now();
        setup.clock(&clock).verify(move |_| own_verify.clock(clock.clone()))
    }
}

fn setup(adapter: Adapter) -> Setup {
    Receiver::on(adapter).own(VerifyOptions::new(), DedupeOptions::new())
}

/// The values of all lines of a header.
fn values<'a>(reply: &'a Reply, wanted: &str) -> Vec<&'a str> {
    let headers = reply.headers.iter().filter(|(name, _)| name == wanted);
    headers.map(|(_, value)| value.as_str()).collect()
}

#[track_caller]
fn is_own(reply: &Reply, status: u16, title: &str, reason: &str) {
    reply.is(status, &format!(r#"{{"title":"{title}"}}"#));
    let values = |wanted| values(reply, wanted);
    assert_eq!(values("content-type"), ["application/problem+json"]);
    assert_eq!(values("x-reason"), [reason]);
    assert_eq!(values("content-length"), [reply.body.len().to_string()]);
    assert!(values("transfer-encoding").is_empty(), "{reply:?}");
    assert!(values("x-not-a-value").is_empty() && values("x-injected").is_empty(), "{reply:?}");
}

async fn r01_the_body_and_the_content_type_are_its_own(adapter: Adapter) {
    let receiver = setup(adapter).start().await;
    let reply = receiver.deliver(&Post::new("d").without_signature()).await;
    is_own(&reply, 401, "Missing signature", "missing_signature");
    let reply = receiver.deliver(&Post::new("d").without_id()).await;
    is_own(&reply, 400, "Missing delivery id", "missing_delivery_id");
    receiver.deliver(&Post::new("d")).await.is(200, "");
    let reply = receiver.deliver(&Post::new("d")).await;
    is_own(&reply, 200, "Already processed", "already_processed");
}

/// The sender acts on these.
async fn r01_status_and_protocol_headers_stay(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.own(VerifyOptions::new(), DedupeOptions::new()).start().await;
    let reply = receiver.deliver(&Post::new("d").without_signature()).await;
    assert_eq!(values(&reply, "www-authenticate"), ["Nevent-Signature"]);
    let mut first = receiver.start(&Post::new("d")).await;
    crate::support::eventually("it is at work", || receiver.runs() == 1).await;
    let reply = receiver.deliver(&Post::new("d")).await;
    is_own(&reply, 409, "Delivery in progress", "delivery_in_progress");
    let [seconds] = values(&reply, "retry-after")[..] else { panic!("{reply:?}") };
    assert!(seconds.parse::<u32>().is_ok_and(|seconds| seconds <= 30), "{reply:?}");
    gate.let_pass(1);
    first.reply().await.is(200, "");
}

async fn r01_a_handler_that_panics_or_is_late(adapter: Adapter) {
    let deadline = Duration::from_millis(200);
    let options = DedupeOptions::new().response_deadline(deadline);
    let options = options.store_timeout(deadline / 2);
    let setup = Receiver::on(adapter).handler(|delivery| async move {
        assert_ne!(delivery.id().as_str(), "panics", "a handler's bug");
        tokio::time::sleep(Duration::from_secs(2)).await;
        StatusCode::OK
    });
    let receiver = setup.own(VerifyOptions::new(), options).start().await;
    let reply = receiver.deliver(&Post::new("panics").body("p")).await;
    is_own(&reply, 500, "Internal server error", "handler_panicked");
    let reply = receiver.deliver(&Post::new("late").body("l")).await;
    is_own(&reply, 503, "Still processing", "still_processing");
    assert_eq!(reply.header("retry-after"), Some("30"));
}

/// As with the default responses: see `b05_a_refused_body_holds_no_connection`.
async fn r01_a_rejected_body_holds_no_connection(adapter: Adapter) {
    let options = VerifyOptions::new().stall_timeout(Duration::from_millis(200));
    let setup = Receiver::on(adapter).own(options, DedupeOptions::new());
    let receiver = setup.start().await;
    for (post, status) in [(Post::new("b").without_signature(), 401), (Post::new("b"), 408)] {
        let (head, body) = post.chunks(vec![10]).wire(receiver.now());
        let mut connection = receiver.connect().await;
        connection.send(&[&head, &body[..8]].concat()).await;
        let reply = connection.reply().await;
        assert_eq!(reply.status, status);
        assert!(reply.header("x-reason").is_some(), "{reply:?}");
        let begun = Instant::now();
        assert_eq!(connection.reply_or_end().await, None, "another response");
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    }
}

/// As with the default responses: see `b05_a_refused_body_is_not_read_on`.
async fn r01_a_rejected_body_is_not_read_on(adapter: Adapter) {
    let receiver = setup(adapter).start().await;
    let (head, body) = Post::new("b").without_signature().chunks(vec![1]).wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&[&head, &body[..6]].concat()).await;
    is_own(&connection.reply().await, 401, "Missing signature", "missing_signature");
    let ends = async {
        let pause = Duration::from_millis(10);
        while tokio::time::timeout(pause, connection.reply_or_end()).await.is_err() {
            connection.send(&body[..6]).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ends).await.expect("the connection ends");
}
