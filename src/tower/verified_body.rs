use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::unread::Unread;
use crate::Delivery;
use crate::delivery::AnyDelivery;

/// The body of a verified request, with the same bytes in one frame.
///
/// Only [`VerifyLayer`](crate::VerifyLayer) creates this body, so it is the proof that the request
/// was verified. The signature does not cover trailers, and the layer drops them.
///
/// A middleware *below* the layers may take `axum::body::Body`, as `axum::middleware::from_fn` does.
/// Add it in an earlier call, or convert the body before it:
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
    unread: Unread,
}

impl VerifiedBody {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self { unread: Unread::new(delivery.body()), delivery }
    }

    /// The verified delivery.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

impl Body for VerifiedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { delivery, unread } = self.get_mut();
        Poll::Ready(unread.next_frame(delivery.body()).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.unread.is_at_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.unread.size_hint(self.delivery.body())
    }
}

/// The body of a request that a layer accepted: [`VerifiedBody`], or the `TokenBody` of a `TokenLayer`.
/// No other type can implement this trait. Otherwise a [`DedupeLayer`](crate::DedupeLayer) could be put
/// on a route without a [`VerifyLayer`](crate::VerifyLayer).
#[diagnostic::on_unimplemented(
    message = "`DedupeLayer` takes verified requests only, and this one's body is `{Self}`",
    label = "not verified at this point",
    note = "put `VerifyLayer` before it, both in one call: `post(handler).route_layer((verify, dedupe))`",
    note = "a middleware between the two that changes the body's type takes the proof away: move it above or below both"
)]
pub trait ProvenBody: Proven {}

/// A body with a delivery of this type. Public in name only, to seal [`ProvenBody`].
pub trait Proven: Sized + Send + 'static {
    type Delivery: AnyDelivery;

    fn delivery(&self) -> &Self::Delivery;

    fn of(delivery: Self::Delivery) -> Self;
}

impl ProvenBody for VerifiedBody {}

impl Proven for VerifiedBody {
    type Delivery = Delivery;

    fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    fn of(delivery: Delivery) -> Self {
        Self::new(delivery)
    }
}
