/// The server's count of an entry's deliveries.
///
/// A full server lets a worker write nothing but this count. So if the last attempt has failed and the dead
/// letter cannot be written, the count also says how the attempt failed. Otherwise the worker that claims the
/// entry next would take the failure for a crash, or run the handler once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deliveries {
    pub(super) number: u32,
    /// How the last attempt failed.
    pub(super) reason: Option<&'static str>,
}

/// How a handler may end whose last attempt it was. An older worker may read what a newer one has counted: add
/// others at the end.
const REASONS: [&str; 4] = ["failed", "panicked", "timed_out", "not_committed"];
/// More deliveries than an entry can have. It counts the reason.
const UNIT: u32 = 1 << 20;

impl Deliveries {
    pub(super) fn of_count(count: u32) -> Self {
        let reason = usize::try_from(count / UNIT).ok().and_then(|number| number.checked_sub(1));
        let reason = reason.and_then(|index| REASONS.get(index)).copied();
        Self { number: count % UNIT, reason }
    }

    pub(super) fn count(self) -> u32 {
        let index = REASONS.iter().position(|reason| Some(*reason) == self.reason);
        let reason = index.and_then(|index| u32::try_from(index + 1).ok()).unwrap_or_default();
        reason * UNIT + self.number.min(UNIT - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_says_how_the_last_attempt_failed() {
        for reason in REASONS.map(Some).into_iter().chain([None]) {
            for number in [0, 1, 14, UNIT - 1] {
                let deliveries = Deliveries { number, reason };
                assert_eq!(Deliveries::of_count(deliveries.count()), deliveries);
            }
        }
        let plain = Deliveries { number: 3, reason: Some("worker_vanished") };
        assert_eq!(plain.count(), 3);
        assert_eq!(Deliveries::of_count(u32::MAX), Deliveries { number: UNIT - 1, reason: None });
    }
}
