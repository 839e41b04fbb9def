//! tonic's body, in requests and in responses: a webhook beside gRPC services.

use tonic::body::Body;
use tower::ServiceBuilder;
use tower_http::map_response_body::MapResponseBodyLayer;

use crate::receiver::{assert_handles_once, handle, layers};

fn full(text: &'static str) -> Body {
    Body::new(text.to_owned())
}

#[tokio::test]
async fn in_requests() {
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    assert_handles_once(stack, full).await;
}

#[tokio::test]
async fn in_requests_and_responses() {
    let stack = ServiceBuilder::new()
        .layer(MapResponseBodyLayer::new(Body::new))
        .layer(layers())
        .layer(MapResponseBodyLayer::new(Body::new))
        .service_fn(handle);
    assert_handles_once(stack, full).await;
}
