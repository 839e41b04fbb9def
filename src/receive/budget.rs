//! A limit for the memory that all unverified bodies hold together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::Rejection;

/// The budget of a layer for unverified bodies: the bytes they may hold together, and the bytes they
/// hold now.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    held: AtomicUsize,
    rejections: AtomicU64,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, held: AtomicUsize::new(0), rejections: AtomicU64::new(0) }
    }

    /// The share of one body, empty at first.
    pub(super) fn share(&self, body_limit: usize) -> Share<'_> {
        // With a smaller budget, no body as long as the limit allows could ever be received.
        Share { budget: self, most: self.bytes.max(body_limit), held: 0 }
    }

    pub(super) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    pub(super) fn rejections(&self) -> u64 {
        self.rejections.load(Relaxed)
    }
}

/// One body's share of the budget. Dropping it gives the bytes back, whether the request was
/// verified, was rejected or went away.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    most: usize,
    held: usize,
}

impl Share<'_> {
    /// Grows the share to this many bytes. On an error the share stays as it is.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), Rejection> {
        let more = bytes.saturating_sub(self.held);
        let fits = |held: usize| held.checked_add(more).filter(|all| *all <= self.most);
        if self.budget.held.fetch_update(Relaxed, Relaxed, fits).is_err() {
            self.budget.rejections.fetch_add(1, Relaxed);
            return Err(Rejection::BodyBudgetExhausted { budget: self.most });
        }
        self.held = self.held.saturating_add(more);
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.held, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_takes_all_or_nothing_and_gives_it_back() {
        let budget = Budget::new(100);
        let (mut one, mut other) = (budget.share(10), budget.share(10));
        assert_eq!(one.grow_to(60), Ok(()));
        assert_eq!(other.grow_to(40), Ok(()));
        assert_eq!(one.grow_to(50), Ok(()), "held already");
        let exhausted = Rejection::BodyBudgetExhausted { budget: 100 };
        assert_eq!(other.grow_to(41), Err(exhausted));
        assert_eq!((budget.held(), budget.rejections()), (100, 1));
        drop(other);
        assert_eq!(one.grow_to(100), Ok(()));
        drop(one);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn one_body_always_fits() {
        let budget = Budget::new(0);
        assert_eq!(budget.share(10).grow_to(10), Ok(()));
        assert_eq!(
            budget.share(10).grow_to(11),
            Err(Rejection::BodyBudgetExhausted { budget: 10 })
        );
    }
}
