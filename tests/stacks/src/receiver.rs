//! The layers, handlers and requests that every stack is built from.

use std::convert::Infallible;
use std::fmt::Debug;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Delivery, Event, VerifiedBody, Verifier, VerifyLayer};
use tower::{Service, ServiceExt};

#[path = "../../support/secrets.rs"]
mod secrets;

use secrets::{SECRET, secret, signature};

pub(crate) const BODY: &str =
    r#"{"id":"evt_1","type":"fan.created","created":1,"data":{},"organization_id":"org_1"}"#;

pub(crate) fn layers() -> (VerifyLayer, DedupeLayer) {
    let store = MemoryStore::with_capacity(16).unwrap();
    (VerifyLayer::new(Verifier::new(secret(SECRET))), DedupeLayer::new("stacks", store).unwrap())
}

/// Answers with what only the verified bytes tell. For axum.
pub(crate) async fn handler(delivery: Delivery, event: Event) -> String {
    format!("handled {} {}", event.event_type, delivery.id())
}

/// The same for stacks without axum: reads the body that the layers hand on.
pub(crate) async fn handle(
    request: Request<VerifiedBody>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let delivery = request.body().delivery().clone();
    let body = request.into_body().collect().await?.to_bytes();
    let event = Event::from_json(&body).unwrap();
    Ok(Response::new(Full::from(handler(delivery, event).await)))
}

/// Sends the delivery twice: the handler answers the first, a layer the second.
pub(crate) async fn assert_handles_once<S, B, R>(stack: S, body: impl Fn(&'static str) -> B)
where
    S: Service<Request<B>, Response = Response<R>, Error: Debug> + Clone,
    R: Body<Error: Debug>,
{
    for expected in ["handled fan.created dlv_1", "Already processed"] {
        let response = stack.clone().oneshot(genuine(body(BODY))).await.unwrap();
        assert_eq!(text(response).await, expected);
    }
}

/// A request with a body that reads [`BODY`], signed now.
pub(crate) fn genuine<B>(body: B) -> Request<B> {
    genuine_with(BODY, body)
}

/// A request with a body that reads `signed`.
pub(crate) fn genuine_with<B>(signed: &str, body: B) -> Request<B> {
    Request::post("/")
        .header("x-nevent-signature", signature(signed))
        .header("x-nevent-delivery", "dlv_1")
        .body(body)
        .unwrap()
}

pub(crate) async fn text<R: Body<Error: Debug>>(response: Response<R>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}
