/// Why an event was rejected for the time of creation in its body: see
/// [`DedupeOptions::reject_events_older_than_retention`](crate::DedupeOptions::reject_events_older_than_retention).
///
/// ```
/// use nevent_webhooks::{CreationTimeError, Rejection};
///
/// let rejection = Rejection::CreationTime(CreationTimeError::Missing);
/// assert_eq!((rejection.status(), rejection.body_text()), (401, "Missing creation time"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreationTimeError {
    /// The body is not JSON, or the field is missing, there twice, or not a time.
    #[error("the body has no readable time of creation in the configured field")]
    Missing,
    /// The event is older than the retention, so its record may have expired.
    #[error(
        "the event is {age} s old, and a record of it may have expired: a replay, or a very late retry"
    )]
    #[non_exhaustive]
    TooOld {
        /// Seconds between the creation of the event and the end of the body.
        age: i64,
    },
    /// The event was created more than five minutes in the future.
    #[error(
        "the event was created {ahead} s in the future: this receiver's clock is behind, or the \
         field is another time"
    )]
    #[non_exhaustive]
    TooNew {
        /// Seconds by which the creation is ahead of the clock.
        ahead: i64,
    },
}

impl CreationTimeError {
    pub(super) fn body_text(&self) -> &'static str {
        match self {
            Self::Missing => "Missing creation time",
            Self::TooOld { .. } => "Event too old",
            Self::TooNew { .. } => "Event too new",
        }
    }

    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing_creation_time",
            Self::TooOld { .. } => "event_too_old",
            Self::TooNew { .. } => "event_too_new",
        }
    }
}
