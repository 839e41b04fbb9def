use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Whether a body that was read already is still to be read again, in one frame.
#[derive(Debug)]
pub(super) struct Unread(bool);

impl Unread {
    pub(super) fn new(body: &Bytes) -> Self {
        Self(!body.is_empty())
    }

    pub(super) fn next_frame(&mut self, body: &Bytes) -> Option<Frame<Bytes>> {
        std::mem::take(&mut self.0).then(|| Frame::data(body.clone()))
    }

    pub(super) fn is_at_end(&self) -> bool {
        !self.0
    }

    pub(super) fn size_hint(&self, body: &Bytes) -> SizeHint {
        SizeHint::with_exact(if self.0 { body.len() as u64 } else { 0 })
    }
}
