use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::RequestHead;
use crate::Rejection;

/// The head of a request, in its framework's type.
pub(crate) trait Head {
    /// The values of a header, line by line.
    fn lines(&self, header: Header) -> impl Iterator<Item = &[u8]>;

    /// The view of the head that picks a tenant.
    fn request_head(&self) -> RequestHead<'_>;
}

/// The headers that are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Header {
    Signature,
    Delivery,
    Event,
    ContentEncoding,
    ContentLength,
}

/// The body of a request, in its framework's type.
pub(crate) trait Frames {
    /// At least so many bytes are to come.
    fn at_least(&self) -> u64;

    /// The next piece. An empty one is no progress; it stands for what is no data.
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Rejection>>>;
}

/// So that whoever lends a body has what is left of it.
impl<B: Frames + Unpin> Frames for &mut B {
    fn at_least(&self) -> u64 {
        (**self).at_least()
    }

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Rejection>>> {
        Pin::new(&mut **self).poll_frame(context)
    }
}
