//! The lease as this side knows it: an answer may be read long after it was given.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The lease of one attempt, as seen from here: it surely holds for its length,
/// reckoned from before the claim or the renewal was sent.
///
/// Reckoned from the answer, a lease would seem to hold after it has expired: a thread that
/// was blocked, or a process that was stopped, reads the answer late.
#[derive(Debug)]
pub(super) struct Lease {
    length: Duration,
    /// When the last claim or renewal that was granted was sent, in nanoseconds since boot;
    /// 0 if none was.
    sent_at: AtomicU64,
    loss_is_known: AtomicBool,
}

/// A moment, taken before the store is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent(Duration);

impl Sent {
    pub(super) fn now() -> Self {
        Self(since_boot())
    }
}

impl Lease {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, sent_at: AtomicU64::new(0), loss_is_known: AtomicBool::new(false) }
    }

    /// The store granted what was sent then.
    pub(super) fn granted(&self, sent: Sent) {
        let nanos = u64::try_from(sent.0.as_nanos()).unwrap_or(u64::MAX);
        self.sent_at.store(nanos, Ordering::Relaxed);
    }

    pub(super) fn is_granted(&self) -> bool {
        self.sent_at.load(Ordering::Relaxed) != 0
    }

    pub(super) fn may_have_expired(&self) -> bool {
        self.is_granted() && self.age() >= self.length
    }

    pub(super) fn age(&self) -> Duration {
        let sent_at = Duration::from_nanos(self.sent_at.load(Ordering::Relaxed));
        since_boot().saturating_sub(sent_at)
    }

    /// Whether its loss was noted.
    pub(super) fn is_known_lost(&self) -> bool {
        self.loss_is_known.load(Ordering::Relaxed)
    }

    /// Notes that it is lost, and returns whether that is news: a loss is counted once.
    pub(super) fn note_loss(&self) -> bool {
        !self.loss_is_known.swap(true, Ordering::Relaxed)
    }
}

/// A clock that goes on while the machine is suspended: the store's goes on, too.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn since_boot() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    // On Apple's systems the monotonic clock goes on, elsewhere only that of the boot does.
    #[cfg(target_vendor = "apple")]
    let time = clock_gettime(ClockId::Monotonic);
    #[cfg(not(target_vendor = "apple"))]
    let time = clock_gettime(ClockId::Boottime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanos)
}

/// The standard library's clock, which on Windows goes on during a suspend.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn since_boot() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_reckoned_from_the_question() {
        let lease = Lease::new(Duration::from_secs(30));
        let seconds_ago = |seconds| Sent(since_boot().saturating_sub(Duration::from_secs(seconds)));
        for (ago, expired) in [(0, false), (29, false), (30, true), (3600, true)] {
            lease.granted(seconds_ago(ago));
            assert_eq!(lease.may_have_expired(), expired, "{ago} s ago");
        }
    }

    #[test]
    fn what_was_never_granted_does_not_expire() {
        let lease = Lease::new(Duration::ZERO);
        assert!(!lease.may_have_expired());
        lease.granted(Sent::now());
        assert!(lease.may_have_expired());
    }

    #[test]
    fn a_loss_is_news_once() {
        let lease = Lease::new(Duration::from_secs(30));
        assert!(!lease.is_known_lost());
        assert_eq!([lease.note_loss(), lease.note_loss()], [true, false]);
    }
}
