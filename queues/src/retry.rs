use std::time::Duration;

/// When a worker tries an entry again that its handler has failed for: after a delay that doubles each
/// time, up to a limit, and a limited number of times.
///
/// The default makes 14 attempts within about nine hours: 10 s, 20 s, 40 s and so on, up to 2 h.
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks_queues::RetryPolicy;
///
/// let policy = RetryPolicy::new().first(Duration::from_secs(1)).attempts(3);
/// assert_eq!(policy.delay_after(1), Some(Duration::from_secs(1)));
/// assert_eq!(policy.delay_after(2), Some(Duration::from_secs(2)));
/// assert_eq!(policy.delay_after(3), None); // A dead letter.
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl RetryPolicy {
    /// Creates the default policy.
    pub fn new() -> Self {
        let (first, longest) = (Duration::from_secs(10), Duration::from_secs(2 * 60 * 60));
        Self { first, longest, attempts: 14 }
    }

    /// Sets the delay after the first attempt. 10 s by default, at least 1 ms.
    pub fn first(mut self, delay: Duration) -> Self {
        self.first = delay.max(Duration::from_millis(1));
        self
    }

    /// Sets the longest delay. 2 h by default.
    pub fn longest(mut self, delay: Duration) -> Self {
        self.longest = delay;
        self
    }

    /// Sets the number of attempts, the first included. 14 by default, at least 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Returns the delay after this many failed attempts. `None` if there is no attempt left.
    #[must_use]
    pub fn delay_after(&self, attempts: u32) -> Option<Duration> {
        let doubled = attempts.saturating_sub(1);
        let delay = self.first.saturating_mul(2_u32.saturating_pow(doubled));
        (attempts < self.attempts).then(|| delay.min(self.longest))
    }

    /// Returns all delays, in their order.
    pub fn delays(&self) -> impl Iterator<Item = Duration> {
        (1..self.attempts).filter_map(|attempts| self.delay_after(attempts))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let secs = Duration::from_secs;
        let policy = RetryPolicy::new().first(secs(1)).longest(secs(5)).attempts(6);
        assert_eq!(policy.delays().collect::<Vec<_>>(), [1, 2, 4, 5, 5].map(secs));
        assert_eq!(policy.attempts(0).delays().count(), 0);
    }

    #[test]
    fn the_default_takes_about_nine_hours() {
        let all: Duration = RetryPolicy::new().delays().sum();
        assert!((8..10).contains(&(all.as_secs() / 3_600)), "{all:?}");
    }

    #[test]
    fn many_attempts_do_not_overflow() {
        let policy = RetryPolicy::new().longest(Duration::MAX).attempts(u32::MAX);
        assert!(policy.delay_after(u32::MAX - 1).is_some());
    }
}
