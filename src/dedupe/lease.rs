//! The lease as the layer knows it, without asking the store.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The lease of one attempt. It is certain to last for its length, counted from the moment before
/// the claim or the renewal was sent.
///
/// Counting from the store's answer would be wrong. A blocked thread or a stopped process reads the
/// answer late, and the lease would seem to last after it has expired.
#[derive(Debug)]
pub(super) struct Lease {
    /// In nanoseconds, because `Duration` computes with more.
    length: u64,
    /// When the last granted claim or renewal was sent, in nanoseconds since boot. 0 if the store
    /// has granted none.
    sent_at: AtomicU64,
    loss_is_known: AtomicBool,
}

/// The moment before a claim or renewal is sent, in nanoseconds since boot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent(u64);

impl Sent {
    pub(super) fn now() -> Self {
        Self(since_boot())
    }
}

impl Lease {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length: nanos(length),
            sent_at: AtomicU64::new(0),
            loss_is_known: AtomicBool::new(false),
        }
    }

    /// Notes that the store granted the claim or renewal that was sent at this moment.
    pub(super) fn granted(&self, sent: Sent) {
        // 0 stands for "never granted".
        self.sent_at.store(sent.0.max(1), Ordering::Relaxed);
    }

    pub(super) fn is_granted(&self) -> bool {
        self.sent_at.load(Ordering::Relaxed) != 0
    }

    pub(super) fn may_have_expired(&self) -> bool {
        let sent_at = self.sent_at.load(Ordering::Relaxed);
        sent_at != 0 && since_boot().saturating_sub(sent_at) >= self.length
    }

    pub(super) fn age(&self) -> Duration {
        let sent_at = self.sent_at.load(Ordering::Relaxed);
        Duration::from_nanos(since_boot().saturating_sub(sent_at))
    }

    /// Whether the loss of the lease was noted.
    pub(super) fn is_known_lost(&self) -> bool {
        self.loss_is_known.load(Ordering::Relaxed)
    }

    /// Notes that the lease is lost. Returns `true` the first time, so that a loss is counted once.
    pub(super) fn note_loss(&self) -> bool {
        !self.loss_is_known.swap(true, Ordering::Relaxed)
    }
}

/// The time in nanoseconds, at most 584 years.
fn nanos(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1_000_000_000);
    whole.saturating_add(duration.subsec_nanos().into())
}

/// The nanoseconds since boot, including the time that the machine was suspended. The store's clock
/// counts that time as well.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn since_boot() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    // On Apple's systems the monotonic clock runs during a suspend, elsewhere the boot clock does.
    #[cfg(target_vendor = "apple")]
    let time = clock_gettime(ClockId::Monotonic);
    #[cfg(not(target_vendor = "apple"))]
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The nanoseconds since the first call, by the standard library's clock. On Windows it runs during a
/// suspend.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn since_boot() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    nanos(ORIGIN.get_or_init(Instant::now).elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_counts_from_when_the_claim_was_sent() {
        let lease = Lease::new(Duration::from_secs(30));
        let seconds_ago = |seconds: u64| Sent(since_boot().saturating_sub(seconds * 1_000_000_000));
        for (ago, expired) in [(0, false), (29, false), (30, true), (3600, true)] {
            lease.granted(seconds_ago(ago));
            assert_eq!(lease.may_have_expired(), expired, "{ago} s ago");
        }
    }

    #[test]
    fn a_lease_that_was_never_granted_does_not_expire() {
        let lease = Lease::new(Duration::ZERO);
        assert!(!lease.may_have_expired());
        lease.granted(Sent::now());
        assert!(lease.may_have_expired());
    }

    #[test]
    fn a_loss_is_reported_once() {
        let lease = Lease::new(Duration::from_secs(30));
        assert!(!lease.is_known_lost());
        assert_eq!([lease.note_loss(), lease.note_loss()], [true, false]);
    }
}
