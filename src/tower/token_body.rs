use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::unread::Unread;
use super::verified_body::{Proven, ProvenBody};
use crate::credential::TokenDelivery;

/// The body of a request that was accepted for its token, with the same bytes in one frame. The layer
/// drops trailers.
///
/// Only [`TokenLayer`](crate::token::TokenLayer) creates this body. It proves that the request had the
/// right token, and nothing about its bytes.
///
/// ```
/// use http::Request;
/// use nevent_webhooks::token::TokenBody;
///
/// async fn handle(request: Request<TokenBody>) {
///     println!("{} bytes", request.body().delivery().body().len());
/// }
/// # use axum::http;
/// ```
#[derive(Debug)]
pub struct TokenBody {
    delivery: TokenDelivery,
    unread: Unread,
}

impl TokenBody {
    /// The delivery that was accepted for its token.
    #[must_use]
    pub fn delivery(&self) -> &TokenDelivery {
        &self.delivery
    }
}

impl ProvenBody for TokenBody {}

impl Proven for TokenBody {
    type Delivery = TokenDelivery;

    fn delivery(&self) -> &TokenDelivery {
        &self.delivery
    }

    fn of(delivery: TokenDelivery) -> Self {
        Self { unread: Unread::new(delivery.body()), delivery }
    }
}

impl Body for TokenBody {
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
