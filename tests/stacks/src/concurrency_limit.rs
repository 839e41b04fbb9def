//! A limit on handlers goes below the layers, so that only what was verified
//! and claimed holds a permit.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use futures_util::stream;
use tower::ServiceExt;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};

use crate::receiver::{assert_handles_once, genuine, handler, layers};

#[tokio::test]
async fn below_the_layers() {
    let (verify, dedupe) = layers();
    let stack = (verify, dedupe, ConcurrencyLimitLayer::new(1));
    let app = Router::new().route("/", post(handler).route_layer(stack));
    assert_handles_once(app, Body::from).await;
}

#[tokio::test]
async fn a_stalled_request_holds_no_permit() {
    let (verify, dedupe) = layers();
    let stack = (verify, dedupe, GlobalConcurrencyLimitLayer::new(1));
    let app: Router = Router::new().route("/", post(handler).route_layer(stack));

    let silence = Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>());
    let stalled = tokio::spawn(app.clone().oneshot(genuine(silence)));
    tokio::task::yield_now().await;

    assert_handles_once(app, Body::from).await;
    assert!(!stalled.is_finished());
}
