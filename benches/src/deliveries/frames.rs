//! Bodies that come in frames, as from a socket.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// About what hyper reads at once from a sender on the same machine.
const FRAME: usize = 16 << 10;

/// A body of one frame if it is small. Otherwise a receiver would be handed a megabyte in one piece,
/// and would be spared all copying.
pub fn body(bytes: Bytes) -> Body {
    if bytes.len() <= FRAME { Body::from(bytes) } else { Body::new(Frames(bytes)) }
}

struct Frames(Bytes);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(FRAME);
        let next = self.0.split_to(length);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(next))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
