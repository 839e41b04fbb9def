//! A body that comes in pieces, and may break off.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

#[derive(Debug, Default)]
pub struct Frames {
    /// The next one last.
    pub left: Vec<Bytes>,
    pub breaks_off: bool,
    /// What it says of its length, rightly or wrongly.
    pub at_least: u64,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = std::fmt::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::fmt::Error>>> {
        Poll::Ready(match self.left.pop() {
            Some(frame) => Some(Ok(Frame::data(frame))),
            None if std::mem::take(&mut self.breaks_off) => Some(Err(std::fmt::Error)),
            None => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.at_least);
        hint
    }
}

/// Frames of these lengths, as far as the body goes, and one with the rest.
#[must_use]
pub fn split(body: &[u8], lengths: [u8; 4]) -> Vec<&[u8]> {
    let mut rest = body;
    let mut frames = Vec::new();
    for length in lengths {
        let (frame, after) = rest.split_at(rest.len().min(length.into()));
        frames.push(frame);
        rest = after;
    }
    frames.push(rest);
    frames
}
