use bytes::Bytes;

use crate::Rejection;
use crate::receive::budget::Share;

/// The bytes that have arrived. They are copied from the second frame on.
pub(super) enum Collected {
    Nothing,
    OneFrame(Bytes),
    Frames(Vec<u8>),
}

impl Collected {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::OneFrame(bytes) => bytes.len(),
            Self::Frames(bytes) => bytes.len(),
        }
    }

    /// Adds a frame, if the budget has room for the buffer that it needs.
    pub(super) fn add(
        &mut self,
        next: Bytes,
        declared: usize,
        most: usize,
        share: &mut Share<'_>,
    ) -> Result<(), Rejection> {
        let length = self.len().saturating_add(next.len());
        let (mut all, first) = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => {
                share.grow_to(length)?;
                *self = Self::OneFrame(next);
                return Ok(());
            }
            Self::OneFrame(first) => (Vec::new(), first),
            Self::Frames(all) => (all, Bytes::new()),
        };
        if length > all.capacity() {
            // Doubled, because otherwise each small frame would copy the whole body. Not beyond the
            // declared length, which is where most bodies end.
            let most = if length <= declared { declared } else { most };
            let capacity = length.saturating_mul(2).min(most);
            share.grow_to(capacity)?;
            all.reserve_exact(capacity.saturating_sub(all.len()));
        }
        all.extend_from_slice(&first);
        all.extend_from_slice(&next);
        *self = Self::Frames(all);
        Ok(())
    }

    /// All bytes, of which none are left here.
    pub(super) fn take(&mut self) -> Bytes {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Bytes::new(),
            Self::OneFrame(bytes) => bytes,
            Self::Frames(bytes) => bytes.into(),
        }
    }
}
