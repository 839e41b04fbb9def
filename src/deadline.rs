use std::time::Duration;

use tokio::time::Instant;

/// A duration that no process outlives, and that can be added and multiplied without overflow.
pub(crate) const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The moment `after` from `start`, at most [`NEVER`] away. Callers may pass `Duration::MAX` for
/// "never", which no clock can add.
pub(crate) fn deadline(start: Instant, after: Duration) -> Instant {
    start.checked_add(after.min(NEVER)).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_beyond_the_life_of_a_process() {
        let now = Instant::now();
        assert_eq!(deadline(now, Duration::MAX), now + NEVER);
        assert!(NEVER > Duration::from_secs(29 * 365 * 86_400));
    }
}
