//! Handshakes: one that is answered is news, one that fails is not, for anyone can send it.

use http::Request;
use nevent_webhooks::handshake::MetaHandshake;
use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::{Clock, Secret, SystemClock, VerifyLayer};
use tower::{ServiceBuilder, ServiceExt};

use super::log::{lines, subscribe};
use super::receiver::handle;

#[tokio::test]
async fn metas_handshake_shows_neither_token_nor_challenge() {
    subscribe();
    let handshake = MetaHandshake::new("meatyhamhock").unwrap();
    for token in ["meatyhamhock", "a_wrong_one"] {
        let query = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        let request = Request::get(format!("/?{query}")).body(()).unwrap();
        handshake.clone().oneshot(request).await.unwrap();
    }
    let rejected = "DEBUG nevent_webhooks: a handshake was rejected status=403 reason=wrong verify \
        token: set the same token in the app's settings at Meta and here";
    assert_eq!(lines(), ["INFO nevent_webhooks: a handshake was answered", rejected]);
}

#[tokio::test]
async fn slacks_handshake_is_one_line() {
    subscribe();
    let secret = Secret::new("8f742231b10e8888abcd99yyyzzz85a5").unwrap();
    let body = r#"{"token":"t","challenge":"3eZbrw1aBm2r","type":"url_verification"}"#;
    let now = SystemClock.unix_seconds();
    let mut request = Request::post("/");
    for (name, value) in Scheme::slack().signer(&secret).headers("", now, body.as_bytes()) {
        request = request.header(name, value);
    }
    let request = request.body(body.to_owned()).unwrap();
    let verify = VerifyLayer::new(Scheme::slack().verifier(secret));
    let response = ServiceBuilder::new().layer(verify).service_fn(handle).oneshot(request).await;
    assert_eq!(response.unwrap().status(), 200);
    let line = "INFO nevent_webhooks: a handshake was answered outcome=\"handshake_answered\"";
    assert_eq!(lines(), [line]);
}
