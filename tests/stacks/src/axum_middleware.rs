//! axum's `from_fn` above and below the layers. Its middleware takes
//! `Request<axum::body::Body>`; the layers hand on `Request<VerifiedBody>`.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use tower_http::map_request_body::MapRequestBodyLayer;

use crate::receiver::{assert_handles_once, handler, layers};

async fn pass_on(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[tokio::test]
async fn above_in_the_same_stack() {
    let (verify, dedupe) = layers();
    let stack = (from_fn(pass_on), verify, dedupe);
    let app = Router::new().route("/", post(handler).route_layer(stack));
    assert_handles_once(app, Body::from).await;
}

#[tokio::test]
async fn above_on_the_router() {
    let app = Router::new().route("/", post(handler).route_layer(layers()));
    assert_handles_once(app.layer(from_fn(pass_on)), Body::from).await;
}

#[tokio::test]
async fn below_in_the_same_stack_with_the_body_turned_back_between() {
    let (verify, dedupe) = layers();
    let stack = (verify, dedupe, MapRequestBodyLayer::new(Body::new), from_fn(pass_on));
    let app = Router::new().route("/", post(handler).route_layer(stack));
    assert_handles_once(app, Body::from).await;
}

#[tokio::test]
async fn below_in_an_earlier_call_of_its_own() {
    let webhook = post(handler).route_layer(from_fn(pass_on)).route_layer(layers());
    assert_handles_once(Router::new().route("/", webhook), Body::from).await;
}
