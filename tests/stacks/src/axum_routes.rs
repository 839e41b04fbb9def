//! The layers on axum's method routers, routers and merged routers.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use http::{Request, StatusCode};
use nevent_webhooks::{Delivery, Event};
use tower::{ServiceBuilder, ServiceExt};

use crate::receiver::{assert_handles_once, handler, layers};

#[tokio::test]
async fn on_one_method() {
    let app = Router::new().route("/", post(handler).route_layer(layers()));
    assert_handles_once(app, Body::from).await;
}

#[tokio::test]
async fn on_one_method_beside_another() {
    let webhook = post(handler).route_layer(layers()).get(|| async {});
    assert_handles_once(Router::new().route("/", webhook), Body::from).await;
}

#[tokio::test]
async fn other_methods_keep_their_405() {
    let app: Router = Router::new().route("/", post(handler).route_layer(layers()));
    let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn on_every_route_of_a_router() {
    let app = Router::new().route("/", post(handler)).route("/2", post(handler)).layer(layers());
    assert_handles_once(app, Body::from).await;
}

#[tokio::test]
async fn on_a_router_merged_into_another() {
    let webhooks = Router::new().route("/", post(handler).route_layer(layers()));
    let app = Router::new().route("/health", get(|| async {})).merge(webhooks);
    assert_handles_once(app, Body::from).await;
}

#[tokio::test]
async fn from_a_service_builder() {
    let (verify, dedupe) = layers();
    let stack = ServiceBuilder::new().layer(verify).layer(dedupe);
    let app = Router::new().route("/", post(handler).route_layer(stack));
    assert_handles_once(app, Body::from).await;
}

#[tokio::test]
async fn above_a_handler_with_state_that_reads_the_body_too() {
    async fn read(_: State<()>, delivery: Delivery, event: Event, body: String) -> String {
        assert_eq!(delivery.body(), &body);
        handler(delivery, event).await
    }

    let app = Router::new().route("/", post(read).route_layer(layers())).with_state(());
    assert_handles_once(app, Body::from).await;
}
