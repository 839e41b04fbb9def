//! tower-http's layers in one stack with ours. Some change the type of the
//! request's body, some that of the response's.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderValue, StatusCode};
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::map_response_body::MapResponseBodyLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, ResponseBodyTimeoutLayer, TimeoutLayer};
use tower_http::trace::TraceLayer;

use crate::receiver::{BODY, assert_handles_once, genuine, handler, layers};

/// Outermost first.
macro_rules! handles_once {
    ($($name:ident: $stack:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let webhook = post(handler).route_layer($stack);
            assert_handles_once(Router::new().route("/", webhook), Body::from).await;
        }
    )*};
}

handles_once! {
    below_request_body_limit: (RequestBodyLimitLayer::new(1024), layers());
    below_request_decompression: (RequestDecompressionLayer::new(), layers());
    below_request_body_timeout: (RequestBodyTimeoutLayer::new(LONG), layers());
    below_response_body_timeout: (ResponseBodyTimeoutLayer::new(LONG), layers());
    below_map_response_body: (MapResponseBodyLayer::new(Body::new), layers());
    below_timeout: (timeout(), layers());
    below_trace: (TraceLayer::new_for_http(), layers());
    below_catch_panic: (CatchPanicLayer::new(), layers());
    below_compression: (CompressionLayer::new(), layers());
    below_all_that_change_the_request_body: (
        RequestBodyLimitLayer::new(1024),
        RequestDecompressionLayer::new(),
        RequestBodyTimeoutLayer::new(LONG),
        layers(),
    );

    above_request_body_limit: (layers(), RequestBodyLimitLayer::new(1024));
    above_request_body_timeout: (layers(), RequestBodyTimeoutLayer::new(LONG));
    above_map_response_body: (layers(), MapResponseBodyLayer::new(Body::new));
    above_timeout: (layers(), timeout());
    above_trace: (layers(), TraceLayer::new_for_http());
    above_catch_panic: (layers(), CatchPanicLayer::new());
    above_compression: (layers(), CompressionLayer::new());

    around_a_layer_that_keeps_the_body: {
        let (verify, dedupe) = layers();
        (verify, TraceLayer::new_for_http(), dedupe)
    };
}

#[tokio::test]
async fn answers_are_compressed_above() {
    let stack = (CompressionLayer::new().compress_when(SizeAbove::new(0)), layers());
    let app: Router = Router::new().route("/", post(handler).route_layer(stack));

    let mut request = genuine(Body::from(BODY));
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
}

const LONG: Duration = Duration::from_secs(30);

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONG)
}
