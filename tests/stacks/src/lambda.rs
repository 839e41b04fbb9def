//! AWS Lambda behind an API gateway: requests with the body `lambda_http::Body`.

use axum::Router;
use axum::routing::post;
use lambda_http::Body;
use tower::ServiceBuilder;

use crate::receiver::{assert_handles_once, handle, handler, layers};

#[tokio::test]
async fn bodies_that_came_as_text() {
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    assert_handles_once(stack, Body::from).await;
}

#[tokio::test]
async fn bodies_that_came_base64_encoded() {
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    assert_handles_once(stack, |body| Body::from(body.as_bytes())).await;
}

#[tokio::test]
async fn an_axum_router() {
    let app = Router::new().route("/", post(handler).route_layer(layers()));
    assert_handles_once(app, Body::from).await;
}

/// Makes the runtime's futures and drops them: to run, they would have to be in
/// AWS.
#[test]
fn the_runtime_takes_the_stack() {
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    drop(lambda_http::run(stack.clone()));
    drop(lambda_http::run_with_streaming_response(stack));
}
