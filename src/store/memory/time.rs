use std::time::Duration;

/// A moment or a span, in milliseconds.
pub(super) type Millis = u64;

/// The last moment of the store's time: 8,900 years after the clock's first. Rows that expire at
/// this moment never do.
const LAST: Millis = (1 << 48) - 1;

pub(super) fn millis(span: Duration) -> Millis {
    span.as_secs().saturating_mul(1_000).saturating_add(u64::from(span.subsec_millis()))
}

/// The present, rounded down.
pub(super) fn present(now: Duration) -> Millis {
    millis(now).min(LAST.saturating_sub(1))
}

/// When a row of this window expires, rounded up: no row expires too early.
pub(super) fn expiry(now: Duration, window: Duration) -> Millis {
    let almost = Duration::from_nanos(999_999);
    millis(now.saturating_add(window).saturating_add(almost)).min(LAST)
}

/// A moment in 6 bytes: there may be millions.
#[derive(Clone, Copy)]
pub(super) struct Moment([u8; 6]);

impl Moment {
    pub(super) fn new(millis: Millis) -> Self {
        let mut bytes = [0; 6];
        bytes.copy_from_slice(&millis.min(LAST).to_le_bytes()[..6]);
        Self(bytes)
    }

    pub(super) fn millis(self) -> Millis {
        let mut bytes = [0; 8];
        bytes[..6].copy_from_slice(&self.0);
        Millis::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_lives_for_its_window_and_at_most_a_millisecond_more() {
        let (now, window) = (Duration::from_nanos(7_000_001), Duration::from_micros(2_900));
        let expires = Moment::new(expiry(now, window)).millis();
        let last = now + window.saturating_sub(Duration::from_nanos(1));
        assert!(expires > present(last));
        assert_eq!(expires, present(now + window + Duration::from_millis(1)));
        assert_eq!(expiry(Duration::from_secs(1), Duration::from_secs(2)), 3_000);
    }

    #[test]
    fn a_row_that_expires_after_the_last_moment_never_does() {
        let expires = Moment::new(expiry(Duration::ZERO, Duration::MAX)).millis();
        assert!(expires > present(Duration::MAX));
        assert!(Moment::new(Millis::MAX).millis() > present(Duration::MAX));
    }
}
