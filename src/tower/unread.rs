use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The bytes of a body that was read already, to be read again in one frame.
#[derive(Debug)]
pub(super) struct Unread(Option<Bytes>);

impl Unread {
    pub(super) fn new(body: &Bytes) -> Self {
        Self(Some(body.clone()).filter(|body| !body.is_empty()))
    }

    pub(super) fn next_frame(&mut self) -> Option<Frame<Bytes>> {
        self.0.take().map(Frame::data)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
