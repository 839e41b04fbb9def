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
            let capacity = capacity_for(length, declared, most);
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

/// The capacity of a buffer that grows to this length. At least doubled, because otherwise each small
/// frame would copy the whole body.
///
/// Once an eighth of the declared length has arrived, the buffer has room for all of it. So hardly any
/// byte is copied twice, and the old buffer and the new one are at most 1.13 times as large as the
/// body. Before that, a sender who declares much and sends little would reserve memory for nothing.
fn capacity_for(length: usize, declared: usize, most: usize) -> usize {
    match declared.checked_div(length).and_then(usize::checked_ilog2) {
        Some(0..=2) => declared,
        Some(halvings) => declared.checked_shr(halvings).unwrap_or(declared),
        None => length.saturating_mul(2).min(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_grows_to_all_of_the_declared_length_after_an_eighth() {
        let lengths = [1, 3, 50, 99, 100, 101, 799, 800];
        let capacities = lengths.map(|length| capacity_for(length, 800, 1000));
        assert_eq!(capacities, [1, 3, 50, 100, 100, 800, 800, 800]);
    }

    /// No length was declared, or more bytes than that arrive.
    #[test]
    fn otherwise_it_doubles_up_to_the_most() {
        assert_eq!([1, 400, 600].map(|length| capacity_for(length, 0, 1000)), [2, 800, 1000]);
        assert_eq!(capacity_for(30, 20, 1000), 60);
    }
}
