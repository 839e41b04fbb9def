//! What a request through `VerifyLayer` costs: the size of its future, its allocations, and the memory
//! that its body needs at most.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::mem::{size_of, size_of_val};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::{AllocationInfo, measure};
use axum::body::Bytes;
use axum::http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::rt::TokioIo;
use nevent_webhooks::testing::SignedDelivery;
use nevent_webhooks::{Verification, VerifiedBody, Verifier, VerifyLayer};
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, Service};

#[path = "support/secrets.rs"]
mod secrets;

use secrets::{SECRET, secret};

const KIB: usize = 1024;

/// Responds at once and allocates nothing.
#[derive(Clone)]
struct Handler;

impl Service<Request<VerifiedBody>> for Handler {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<VerifiedBody>) -> Self::Future {
        assert!(!request.body().delivery().id().as_str().is_empty());
        ready(Ok(Response::new(())))
    }
}

/// A body that allocates each frame when it is asked for it, as a server does.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
    is_length_declared: bool,
}

impl Body for Pieces<'static> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (piece, rest) = self.rest.split_at(self.piece.min(self.rest.len()));
        self.rest = rest;
        let frame = || Ok(Frame::data(Bytes::copy_from_slice(piece)));
        Poll::Ready((!piece.is_empty()).then(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.is_length_declared && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_length_declared {
            SizeHint::with_exact(self.rest.len() as u64)
        } else {
            SizeHint::default()
        }
    }
}

fn layer() -> VerifyLayer {
    VerifyLayer::new(Verifier::new(secret(SECRET)))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Receives a genuine delivery of this length, in frames of `piece` bytes, and counts. It is the second of its
/// layer: at the first, the layer looks for the exporter of metrics.
fn receive(length: usize, piece: usize, is_length_declared: bool) -> AllocationInfo {
    let delivery = SignedDelivery::new(&secret(SECRET), "d-1", vec![b'x'; length]);
    let body: &'static [u8] = Vec::leak(delivery.body().to_vec());
    let request = || {
        let mut request = Request::post("/");
        for (name, value) in delivery.clone().event("ticket.purchased").headers() {
            request = request.header(name, value);
        }
        request.body(Pieces { rest: body, piece, is_length_declared }).expect("a request")
    };
    let (mut service, runtime) = (layer().layer(Handler), runtime());
    let _entered = runtime.enter();
    let mut receive = |request| {
        let mut future = service.call(request);
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(response)) if response.status().is_success()));
    };
    receive(request());
    let mut second = Some(request());
    measure(|| receive(second.take().expect("one call")))
}

/// The future, the running MACs, the id, the event header, what all clones of the delivery share, and for
/// the request's extensions a map, its table and two entries. The body is one of the frames.
#[test]
fn a_request_allocates_nine_times() {
    let info = receive(KIB, KIB, true);
    assert_eq!(info.count_total, 9 + 1, "{info:?}");
    let unknown_length = receive(KIB, KIB, false);
    assert_eq!(unknown_length.count_total, info.count_total, "{unknown_length:?}");
}

#[test]
fn a_body_of_one_frame_is_not_copied() {
    let info = receive(1024 * KIB, 1024 * KIB, true);
    assert!(info.bytes_max < 1028 * KIB as u64, "{info:?}");
}

/// The buffer grows to the declared length or to the limit of 1 MiB, and not beyond. While it grows, the
/// old buffer and the new one are held together, because this allocator grows none in place. To a
/// declared length the buffer grows from an eighth.
#[test]
fn a_body_of_many_frames_is_held_once() {
    for (is_length_declared, length, most) in [
        (true, 64 * KIB, (64 + 32 + 4) * KIB),
        (false, 64 * KIB, (64 + 128) * KIB),
        (true, 1024 * KIB, (1024 + 128 + 20) * KIB),
        (false, 1024 * KIB, (1024 + 736 + 32) * KIB),
    ] {
        let info = receive(length, 16 * KIB, is_length_declared);
        assert!(info.bytes_max <= most as u64, "{length} {is_length_declared}: {info:?}");
    }
}

/// glibc serves allocations of up to 1,032 bytes from its thread cache. Others cost several times as
/// much.
fn assert_is_small(future: &(impl ?Sized + Future)) {
    let size = size_of_val(future);
    println!("{size} bytes");
    assert!(size <= 1032, "{size} bytes");
}

#[test]
fn the_running_macs_are_small() {
    let size = size_of::<Verification>();
    assert!(size <= 1032, "{size} bytes");
}

#[test]
fn the_future_is_small_with_the_body_of_axum() {
    let mut service = layer().layer(Handler);
    assert_is_small(&*service.call(Request::new(axum::body::Body::empty())));
}

#[test]
fn the_future_is_small_with_the_body_of_hyper() {
    runtime().block_on(async {
        let (mut client, server) = tokio::io::duplex(1024);
        let request = b"POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        client.write_all(request).await.expect("written");
        let seen = std::cell::Cell::new(false);
        let service = hyper::service::service_fn(|request: Request<Incoming>| {
            assert_is_small(&*layer().layer(Handler).call(request));
            seen.set(true);
            ready(Ok::<_, Infallible>(Response::new(String::new())))
        });
        let connection = hyper::server::conn::http1::Builder::new();
        connection.serve_connection(TokioIo::new(server), service).await.expect("served");
        assert!(seen.get());
    });
}
