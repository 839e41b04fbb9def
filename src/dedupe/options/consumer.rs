use super::DedupeOptions;

impl DedupeOptions {
    /// The options of a queue's consumer, which nobody waits for: the lease and the handler timeout may
    /// be shorter than a sender's patience.
    pub(crate) fn for_consumer(self) -> Self {
        let times = self.times(&self.terms);
        let third = times.lease.checked_div(3).unwrap_or_default();
        let deadline = times.response_deadline.min(third).min(times.handler_timeout);
        let half = deadline.checked_div(2).unwrap_or_default();
        let store_timeout = self.store_timeout.unwrap_or_else(|| times.store_timeout.min(half));
        Self { response_deadline: Some(deadline), store_timeout: Some(store_timeout), ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
