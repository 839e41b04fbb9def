use std::time::Duration;

use super::VerifyError;

/// How old a signature may be, and how far in the future, in whole seconds.
///
/// The default is 300 s in both directions. A signature that is exactly as old as allowed is
/// accepted. With a wider tolerance an attacker can replay a captured request for longer, and a store
/// must remember it for longer.
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
    /// Creates a tolerance for signatures at most this old and at most this far in the future.
    ///
    /// # Errors
    ///
    /// [`ToleranceError`] if either is more than an hour.
    pub fn new(past: Duration, future: Duration) -> Result<Self, ToleranceError> {
        match past.max(future) {
            longest if longest > LONGEST => Err(ToleranceError { longest }),
            _ => Ok(Self { past, future }),
        }
    }

    /// Creates a tolerance of any length, to verify recorded deliveries again. A live receiver with a
    /// long tolerance accepts old captured requests as fresh.
    #[must_use]
    pub fn dangerously_allow_long(past: Duration, future: Duration) -> Self {
        Self { past, future }
    }

    pub(crate) fn check(self, age: i64) -> Result<(), VerifyError> {
        let ahead = age.saturating_neg();
        if age > whole_seconds(self.past) {
            Err(VerifyError::TimestampTooOld { age })
        } else if ahead > whole_seconds(self.future) {
            Err(VerifyError::TimestampTooNew { ahead })
        } else {
            Ok(())
        }
    }

    /// How long replay keys must be remembered. A signature is acceptable from `t - future`
    /// to `t + past`. The extra minute covers receivers that share a store and whose clocks
    /// differ.
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

/// The error for a tolerance above one hour.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "with a tolerance of {longest:?}, an attacker could replay captured requests for that long: \
     {LONGEST:?} is the most, or allow it with `Tolerance::dangerously_allow_long`"
)]
pub struct ToleranceError {
    longest: Duration,
}

const DEFAULT: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(3600);

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
