//! Layers of tower-http above ours that cut bodies off: the answer says why, and the
//! rejection has the layer's error as its source.

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::LengthLimitError;
use nevent_webhooks::Rejection;
use tower::ServiceExt;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutError};

use crate::receiver::{BODY, genuine, handler, layers};

/// The answer to a body of 84 bytes and then nothing, for a layer above ours.
macro_rules! rejection {
    ($stack:expr) => {{
        let app = Router::new().route("/", post(handler).route_layer($stack));
        let frames = stream::iter([Ok::<_, Infallible>(Bytes::from(BODY))]);
        let body = Body::from_stream(frames.chain(stream::pending()));
        let response = app.oneshot(genuine(body)).await.unwrap();
        let rejection = response.extensions().get::<Rejection>().cloned().unwrap();
        (response.status().as_u16(), rejection)
    }};
}

fn has_source<E: Error + 'static>(rejection: &Rejection) -> bool {
    std::iter::successors(rejection.source(), |&error| error.source()).any(<dyn Error>::is::<E>)
}

#[tokio::test]
async fn a_size_limit() {
    let limit = || RequestBodyLimitLayer::new(40);
    for (status, rejection) in [
        rejection!((limit(), layers())),
        rejection!((limit(), RequestDecompressionLayer::new(), layers())),
        rejection!((limit(), MapRequestBodyLayer::new(Body::new), layers())),
    ] {
        assert_eq!((status, rejection.body_text()), (413, "Payload too large"));
        assert!(matches!(rejection, Rejection::OuterBodyLimit { .. }));
        assert!(has_source::<LengthLimitError>(&rejection), "{rejection:?}");
    }
}

#[tokio::test]
async fn a_time_limit() {
    let limit = || RequestBodyTimeoutLayer::new(Duration::from_millis(20));
    for (status, rejection) in [
        rejection!((limit(), layers())),
        rejection!((limit(), RequestDecompressionLayer::new(), layers())),
        rejection!((limit(), MapRequestBodyLayer::new(Body::new), layers())),
    ] {
        assert_eq!((status, rejection.body_text()), (408, "Body timeout"));
        assert!(matches!(rejection, Rejection::OuterBodyTimeout { .. }));
        assert!(has_source::<TimeoutError>(&rejection), "{rejection:?}");
    }
}
