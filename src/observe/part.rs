/// The reason why a handler continues in the background.
///
/// ```
/// use nevent_webhooks::observe::{BackgroundCause, Observation, Outcome};
///
/// let slow_handlers = |observation: &Observation<'_>| {
///     if let Outcome::MovedToBackground { cause: BackgroundCause::ResponseDue, after, .. } =
///         observation.outcome
///     {
///         eprintln!("no response within {after:?}: use a queue");
///     }
/// };
/// # let _ = nevent_webhooks::DedupeOptions::new().observer(slow_handlers);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackgroundCause {
    /// The client hung up.
    ClientLeft,
    /// The response deadline passed, and the client got a 503.
    ResponseDue,
}

/// An operation of the store.
///
/// ```
/// use nevent_webhooks::observe::{Observation, Outcome, StoreOperation};
///
/// let slow_claims = |observation: &Observation<'_>| {
///     if let Outcome::StoreAnswered { operation: StoreOperation::Claim, took, .. } =
///         observation.outcome
///     {
///         println!("claim_seconds {}", took.as_secs_f64());
///     }
/// };
/// # let _ = nevent_webhooks::DedupeOptions::new().observer(slow_claims);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreOperation {
    /// [`Store::claim`](crate::Store::claim).
    Claim,
    /// [`Store::renew`](crate::Store::renew).
    Renew,
    /// [`Store::complete`](crate::Store::complete).
    Complete,
    /// [`Store::release`](crate::Store::release).
    Release,
    /// [`Store::claim`](crate::Store::claim) after a handler that completed the delivery in its own
    /// transaction, to see whether the transaction was committed.
    Prove,
}

impl BackgroundCause {
    /// The cause's name in `snake_case`. Stable.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ClientLeft => "client_left",
            Self::ResponseDue => "response_due",
        }
    }
}

impl StoreOperation {
    /// The operation's name. Stable.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Renew => "renew",
            Self::Complete => "complete",
            Self::Release => "release",
            Self::Prove => "prove",
        }
    }
}
