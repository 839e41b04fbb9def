use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time: wall time to check a signature's `t`, and monotonic time for leases and
/// retention.
///
/// The default is [`SystemClock`]. Tests drive a [`ManualClock`].
pub trait Clock: Debug + Send + Sync + 'static {
    /// Whole seconds since 1970-01-01T00:00:00Z, without leap seconds.
    fn unix_seconds(&self) -> i64;

    /// The same in milliseconds. By default these are the whole seconds.
    fn unix_millis(&self) -> i64 {
        self.unix_seconds().saturating_mul(1000)
    }

    /// Time since a moment that the clock chooses. It never goes back.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// A clock that is set before 1970 reads as 0. Every signature is then too new.
    fn unix_seconds(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        since_epoch.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
    }

    fn unix_millis(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        since_epoch.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that stands still until a test moves it. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::{Clock, ManualClock};
///
/// let clock = ManualClock::at(1_640_995_200);
/// let in_the_receiver = clock.clone();
/// clock.advance(Duration::from_secs(301));
/// assert_eq!(in_the_receiver.unix_seconds(), 1_640_995_501);
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<ManualTime>);

#[derive(Debug)]
struct ManualTime {
    unix_origin: AtomicI64,
    elapsed_nanos: AtomicU64,
}

impl ManualClock {
    /// Creates a clock that shows this time, in Unix seconds.
    #[must_use]
    pub fn at(unix_seconds: i64) -> Self {
        Self(Arc::new(ManualTime {
            unix_origin: AtomicI64::new(unix_seconds),
            elapsed_nanos: AtomicU64::new(0),
        }))
    }

    /// Creates a clock that shows the current time.
    #[must_use]
    pub fn now() -> Self {
        Self::at(SystemClock.unix_seconds())
    }

    /// Moves wall time and monotonic time forward. After 584 years in all, the clock stops.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let later = |elapsed: u64| Some(elapsed.saturating_add(nanos));
        let _ = self.0.elapsed_nanos.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
    }

    /// Steps wall time alone, as an operator or a time daemon does. A negative number of seconds
    /// steps it back.
    pub fn step_wall(&self, by_seconds: i64) {
        self.0.unix_origin.fetch_add(by_seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_seconds(&self) -> i64 {
        let elapsed = i64::try_from(self.monotonic().as_secs()).unwrap_or(i64::MAX);
        let origin = self.0.unix_origin.load(Ordering::SeqCst);
        origin.saturating_add(elapsed)
    }

    fn unix_millis(&self) -> i64 {
        let elapsed = i64::try_from(self.monotonic().as_millis()).unwrap_or(i64::MAX);
        let origin = self.0.unix_origin.load(Ordering::SeqCst);
        origin.saturating_mul(1000).saturating_add(elapsed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.elapsed_nanos.load(Ordering::SeqCst))
    }
}
