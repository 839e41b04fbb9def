//! Time as the file keeps it: milliseconds of the machine's wall clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock, which all processes of the machine share and which outlives a restart. A clock
/// that is set before 1970 reads as 0.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// At most a century, so that sums cannot overflow.
pub(super) fn length(duration: Duration) -> i64 {
    const CENTURY: i64 = 100 * 365 * 24 * 3_600_000;
    millis(duration).clamp(1, CENTURY)
}

/// The end of a time that may be at most so long, after the clock may have been set back.
///
/// Without this limit, what began before the clock was set back would last until the clock has
/// caught up.
pub(super) fn limited(end: i64, longest: i64, now: i64) -> i64 {
    end.min(now.saturating_add(longest))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The moment after a pause, which is at most as long as a process may live.
pub(super) fn after(pause: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(pause).unwrap_or(now)
}
