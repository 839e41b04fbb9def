use std::time::Duration;

use crate::Rejection;

/// How old, and how far in the future, a signature may be; whole seconds.
///
/// The default is 300 s either way. A signature exactly as old as allowed is
/// accepted. The wider the tolerance, the longer a captured request can be sent
/// again, and the longer a store must remember it.
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::Tolerance;
///
/// let half_an_hour = Tolerance::new(Duration::from_secs(1800), Duration::from_secs(60))?;
/// assert!(Tolerance::new(Duration::from_secs(86_400), Duration::ZERO).is_err());
/// # Ok::<(), nevent_webhooks::ToleranceError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    past: Duration,
    future: Duration,
}

impl Tolerance {
    /// At most this old, and at most this far ahead.
    ///
    /// # Errors
    ///
    /// More than an hour either way is refused.
    pub fn new(past: Duration, future: Duration) -> Result<Self, ToleranceError> {
        match past.max(future) {
            longest if longest > LONGEST => Err(ToleranceError { longest }),
            _ => Ok(Self { past, future }),
        }
    }

    /// Takes any tolerance, however long: for re-reading recorded deliveries.
    /// A live receiver with a long one accepts old captures as fresh.
    #[must_use]
    pub fn dangerously_allow_long(past: Duration, future: Duration) -> Self {
        Self { past, future }
    }

    pub(crate) fn judge(self, age: i64) -> Result<(), Rejection> {
        let ahead = age.saturating_neg();
        if age > whole_seconds(self.past) {
            Err(Rejection::TimestampTooOld { age })
        } else if ahead > whole_seconds(self.future) {
            Err(Rejection::TimestampTooNew { ahead })
        } else {
            Ok(())
        }
    }

    /// A signature stays acceptable from `t - future` to `t + past`. The minute
    /// is for receivers that share a store and whose clocks differ.
    pub(crate) fn replay_window(self) -> Duration {
        let minute = Duration::from_secs(60);
        self.past.saturating_add(self.future).saturating_add(minute)
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { past: DEFAULT, future: DEFAULT }
    }
}

crate::text::debug_is_display!(ToleranceError);

/// A tolerance above one hour.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tolerance of {longest:?} lets captured requests be replayed for that long: {LONGEST:?} \
     is the most, unless `Tolerance::dangerously_allow_long` says that it is meant"
)]
pub struct ToleranceError {
    longest: Duration,
}

const DEFAULT: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(3600);

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
