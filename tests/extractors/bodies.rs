//! Bodies of requests and responses: their lengths, frames and ends.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use bytes::Buf;
use bytes::buf::Chain;
use hyper::body::{Frame, SizeHint};
use nevent_webhooks::{Delivery, VerifiedBody};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::{BODY, answer, delivery, delivery_as, layers};

/// A length that only the header knows, and a body that would never end.
#[tokio::test]
async fn content_length_is_checked_before_the_body() {
    async fn handle(_: Delivery) {}
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let mut request = delivery(BODY)
        .map(|_| Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>()));
    request.headers_mut().insert("content-length", "1048577".parse().expect("a value"));
    let (status, text, _) = answer(app, request).await;
    assert_eq!((status, text.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "Payload too large"));
}

/// One that says by itself that it is too long, and must not be asked for more.
struct TooLong;

impl HttpBody for TooLong {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("it is read")
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(1_048_577);
        hint
    }
}

/// For example one that was read before, and has no header that tells its length.
#[tokio::test]
async fn a_body_that_knows_its_length_is_checked_at_once() {
    async fn handle(_: Delivery) {}
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let (status, text, _) = answer(app, delivery(BODY).map(|_| Body::new(TooLong))).await;
    assert_eq!((status, text.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "Payload too large"));
}

/// Frames that are not in one piece.
struct InPieces(Option<Chain<Bytes, Bytes>>);

impl HttpBody for InPieces {
    type Data = Chain<Bytes, Bytes>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chain<Bytes, Bytes>>, Infallible>>> {
        Poll::Ready(self.0.take().map(|pieces| Ok(Frame::data(pieces))))
    }
}

#[tokio::test]
async fn frames_of_several_pieces_are_read_whole() {
    let handler = service_fn(async |request: Request<VerifiedBody>| {
        assert_eq!(request.body().delivery().body(), BODY);
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let stack = ServiceBuilder::new().layer(layers()).service(handler);
    let (start, end) = BODY.split_at(BODY.len() / 2);
    let pieces = Bytes::from(start).chain(Bytes::from(end));
    let response = stack.oneshot(delivery(BODY).map(|_| InPieces(Some(pieces)))).await;
    assert_eq!(response.expect("infallible").status(), StatusCode::OK);
}

/// Reads a body to its end, and checks on the way what it says of itself.
async fn read(body: impl HttpBody<Data = Bytes>, length: usize) {
    let mut body = pin!(body);
    let mut left = length;
    while !body.is_end_stream() {
        assert_eq!(body.size_hint().exact(), Some(left as u64));
        let frame = poll_fn(|context| body.as_mut().poll_frame(context)).await;
        let frame = frame.expect("not at its end").ok().expect("a frame");
        left -= frame.into_data().expect("no trailers").len();
    }
    assert_eq!((left, body.size_hint().exact()), (0, Some(0)));
    assert!(poll_fn(|context| body.as_mut().poll_frame(context)).await.is_none());
}

/// Otherwise a server would announce another length, and a handler take the body for empty.
#[tokio::test]
async fn bodies_report_their_length_and_their_end() {
    let handler = service_fn(async |request: Request<VerifiedBody>| {
        let (length, handled) = (request.body().delivery().body().len(), request.into_body());
        read(handled, length).await;
        Ok::<_, Infallible>(Response::new(Body::from("handled")))
    });
    let stack = ServiceBuilder::new().layer(layers()).service(handler);
    for (id, body, answer) in
        [("d-1", BODY, "handled"), ("d-2", "", "handled"), ("d-2", "{}", "Delivery id reused")]
    {
        let response = stack.clone().oneshot(delivery_as(id, body)).await.expect("infallible");
        read(response.into_body(), answer.len()).await;
    }
}
