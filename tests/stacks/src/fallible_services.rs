//! tower's layers that fail instead of answering; axum wants a
//! `HandleErrorLayer` above them.

use std::time::Duration;

use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::routing::post;
use axum::{BoxError, Router};
use http::StatusCode;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

use crate::receiver::{assert_handles_once, handler, layers};

async fn answer_error(_: BoxError) -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}

#[tokio::test]
async fn load_shedding_above() {
    let stack = (HandleErrorLayer::new(answer_error), LoadShedLayer::new(), layers());
    let app = Router::new().route("/", post(handler).route_layer(stack));
    assert_handles_once(app, Body::from).await;
}

#[tokio::test]
async fn a_timeout_below_whose_error_passes_through() {
    let timeout = TimeoutLayer::new(Duration::from_secs(30));
    let stack = (HandleErrorLayer::new(answer_error), layers(), timeout);
    let app = Router::new().route("/", post(handler).route_layer(stack));
    assert_handles_once(app, Body::from).await;
}
