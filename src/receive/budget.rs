//! Bounds the memory that bodies hold before their verdict, all of them together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::Rejection;

/// The bytes that all bodies without a verdict may hold together, and those they do hold.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    held: AtomicUsize,
    refusals: AtomicU64,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, held: AtomicUsize::new(0), refusals: AtomicU64::new(0) }
    }

    /// The part of one body, empty at first.
    pub(super) fn share(&self, body_limit: usize) -> Share<'_> {
        // A smaller budget could never take a body as long as the limit allows.
        Share { budget: self, most: self.bytes.max(body_limit), held: 0 }
    }

    pub(super) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    pub(super) fn refusals(&self) -> u64 {
        self.refusals.load(Relaxed)
    }
}

/// One body's part of the budget. Gives it back when dropped: after the verdict,
/// or with a request that goes away before it.
#[derive(Debug)]
pub(super) struct Share<'a> {
    budget: &'a Budget,
    most: usize,
    held: usize,
}

impl Share<'_> {
    /// Takes what is missing to this many bytes, or nothing at all.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), Rejection> {
        let more = bytes.saturating_sub(self.held);
        let fits = |held: usize| held.checked_add(more).filter(|all| *all <= self.most);
        if self.budget.held.fetch_update(Relaxed, Relaxed, fits).is_err() {
            self.budget.refusals.fetch_add(1, Relaxed);
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
        assert_eq!((budget.held(), budget.refusals()), (100, 1));
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
