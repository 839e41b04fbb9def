use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::Delivery;

/// The body of a verified request: the same bytes again, in one frame.
///
/// Only [`VerifyLayer`](crate::VerifyLayer) makes one, so a request with this
/// body is the proof that it was verified. Trailers are not covered by the
/// signature and are not handed on.
///
/// A middleware *below* the layers that takes `axum::body::Body`, as
/// `axum::middleware::from_fn` does, goes on in an earlier call of its own, or has
/// the body turned back before it:
///
/// ```
/// # use axum::{body::Body, extract::Request, middleware::{from_fn, Next}, response::Response};
/// # use axum::{Router, routing::post};
/// # use nevent_webhooks::{DedupeLayer, VerifyLayer};
/// # async fn handler() {}
/// # async fn audit(request: Request, next: Next) -> Response { next.run(request).await }
/// # fn app(verify: VerifyLayer, dedupe: DedupeLayer) -> Router {
/// let webhook = post(handler)
///     .route_layer(from_fn(audit)) // below: runs once per delivery
///     .route_layer((verify, dedupe));
/// // In one call: (verify, dedupe, MapRequestBodyLayer::new(Body::new), from_fn(audit))
/// # Router::new().route("/", webhook)
/// # }
/// ```
#[derive(Debug)]
pub struct VerifiedBody {
    delivery: Delivery,
    unread: Option<Bytes>,
}

impl VerifiedBody {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self { unread: Some(delivery.body().clone()).filter(|body| !body.is_empty()), delivery }
    }

    /// What was learned of the delivery.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

impl Body for VerifiedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.unread.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.unread.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.unread.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// The body of a request that was verified. Implemented by [`VerifiedBody`]
/// alone, so that the compiler refuses to deduplicate anything else.
#[diagnostic::on_unimplemented(
    message = "`DedupeLayer` takes verified requests only, and this one's body is `{Self}`",
    label = "not verified at this point",
    note = "put `VerifyLayer` before it, both in one call: `post(handler).route_layer((verify, dedupe))`",
    note = "a middleware between the two that changes the body's type takes the proof away: move it above or below both"
)]
pub trait ProvenBody: sealed::Sealed {
    /// The body with its proof.
    #[doc(hidden)]
    fn into_verified(self) -> VerifiedBody;
}

impl ProvenBody for VerifiedBody {
    fn into_verified(self) -> VerifiedBody {
        self
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::VerifiedBody {}
}
