use std::time::Duration;

use super::DedupeOptions;

/// Longer than the 30 days for which queues keep dead letters. One that is replayed may have a second copy
/// that is done.
const RETENTION: Duration = Duration::from_secs(31 * 24 * 60 * 60);

impl DedupeOptions {
    /// The options of a queue's consumer. Nobody waits for it, so the lease and the handler timeout may
    /// be shorter than a sender's patience. And copies of an entry may lie in the queue for long.
    pub(crate) fn for_consumer(self) -> Self {
        let times = self.times(&self.terms);
        let third = times.lease.checked_div(3).unwrap_or_default();
        let deadline = times.response_deadline.min(third).min(times.handler_timeout);
        let half = deadline.checked_div(2).unwrap_or_default();
        let store_timeout = self.store_timeout.unwrap_or_else(|| times.store_timeout.min(half));
        let retention = self.retention.unwrap_or_else(|| times.retention.max(RETENTION));
        Self {
            response_deadline: Some(deadline),
            store_timeout: Some(store_timeout),
            retention: Some(retention),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_remembers_for_longer_than_dead_letters_live() {
        let day = Duration::from_secs(24 * 60 * 60);
        let retention = |options: DedupeOptions| options.for_consumer().retention;
        assert_eq!(retention(DedupeOptions::new()), Some(31 * day));
        assert_eq!(retention(DedupeOptions::new().retention(2 * day)), Some(2 * day));
    }

    #[test]
    fn a_consumer_may_be_quicker_than_a_sender_is_patient() {
        let second = Duration::from_secs(1);
        for options in [
            DedupeOptions::new(),
            DedupeOptions::new().lease(3 * second),
            DedupeOptions::new().handler_timeout(second / 2),
            DedupeOptions::new().handler_timeout(5 * second).lease(10 * second),
        ] {
            assert!(options.for_consumer().checked().is_ok());
        }
        let silent = DedupeOptions::new().store_timeout(9 * second).for_consumer();
        assert!(silent.checked().is_err(), "the lease would end before the store answers");
    }
}
