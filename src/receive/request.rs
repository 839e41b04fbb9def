use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::RequestHead;
use crate::Rejection;

/// The head of a request, in its framework's type.
pub(crate) trait Head {
    /// The values of all lines of a header.
    fn lines(&self, header: Header) -> impl Iterator<Item = &[u8]>;

    /// The head as the function that chooses a tenant sees it.
    fn request_head(&self) -> RequestHead<'_>;
}

/// The headers that the checks read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Header {
    /// A header of the sender's scheme, in lower case.
    Named(&'static str),
    ContentEncoding,
    ContentLength,
}

/// The body of a request, in its framework's type.
pub(crate) trait Frames {
    /// A lower bound for the bytes that are still to come.
    fn at_least(&self) -> u64;

    /// Whether the body is known to have no more pieces. If so, it is not polled again, and the layer does
    /// not wait for a server that notices the end only later.
    ///
    /// A body that says so before its declared length is polled all the same. Otherwise it would be cut
    /// short, which only a signature reveals. Without a declared length, the contract of `http_body::Body`
    /// rules that out, and servers rely on it as well: they send no more of such a body.
    fn is_at_end(&self) -> bool {
        false
    }

    /// The next piece of the body. An empty piece stands for a frame without data, and does not count
    /// as progress.
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Rejection>>>;
}
