//! The span of a request: what a line of a handler says without the handler's help.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use nevent_webhooks::{Batch, Event};
use tower::ServiceExt;

use super::log::{lines_with_spans, subscribe};
use super::receiver::{BODY, genuine, genuine_with, layers};

/// The line that the handler has written.
fn line_of_the_handler() -> String {
    lines_with_spans().into_iter().find(|line| line.ends_with(": sold")).expect("a line")
}

#[tokio::test]
async fn a_line_of_the_handler_names_the_request_and_the_delivery() {
    async fn sell(_: Event) {
        tracing::info!("sold");
    }
    subscribe();
    let app = Router::new().route("/", post(sell).route_layer(layers()));
    let mut request = genuine(Body::from(BODY));
    request.headers_mut().insert("x-request-id", "7f3a\tx".parse().unwrap());
    app.oneshot(request).await.unwrap();
    let span = "INFO webhook{otel.kind=\"consumer\" request_id=\"7f3a\\\\tx\" messaging.message.id=\"dlv_1\" \
        messaging.message.body.size=83}: ";
    assert!(line_of_the_handler().starts_with(span), "{}", line_of_the_handler());
}

#[tokio::test]
async fn an_event_of_a_batch_has_a_span_within_its_deliverys() {
    async fn sell(_: Event) -> Result<(), String> {
        tracing::info!("sold");
        Ok(())
    }
    subscribe();
    let handler = post(async |batch: Batch| batch.process(1, sell).await);
    let app = Router::new().route("/", handler.route_layer(layers()));
    let body = format!("[{BODY}]");
    app.oneshot(genuine_with(&body, Body::from(body.clone()))).await.unwrap();
    let span = "}:webhook_event{otel.kind=\"consumer\" scope=\"stacks\" event=\"evt_1\" \
        event_type=\"fan.created\"}: ";
    assert!(line_of_the_handler().contains(span), "{}", line_of_the_handler());
}
