use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::{Claim, DeliveryId, OwnerToken, Scope};

/// The claim under which a handler runs, in the handler's hands.
///
/// [`Delivery::claim`](crate::Delivery::claim) returns it below a
/// [`DedupeLayer`](crate::DedupeLayer), and
/// [`Batch::process_claimed`](crate::event::Batch::process_claimed) gives one for each event.
/// A store that keeps its records in the same database as the handler's effect can use it to
/// complete the delivery within the handler's own transaction, fenced by the token. It notes
/// in the handle what became of that.
///
/// Clones are the same claim.
#[derive(Clone)]
pub struct ClaimHandle(Arc<Inner>);

struct Inner {
    claim: Claim,
    state: AtomicU8,
}

/// What a handler did with its claim by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimState {
    /// Nothing: the layer completes or releases the delivery when the handler has ended.
    Untouched,
    /// The completion is part of a transaction, of which it is not known whether it was
    /// committed.
    Staged,
    /// The completion was committed: there is nothing left to complete.
    Committed,
    /// The store refused the completion, because another attempt holds the delivery.
    ///
    /// Roll the transaction back and return an error. The layer never completes such a
    /// delivery, but it cannot turn your handler's 2xx into another response, and after a 2xx
    /// the sender does not send the delivery again.
    Refused,
}

impl ClaimHandle {
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn new(claim: Claim) -> Self {
        Self(Arc::new(Inner { claim, state: AtomicU8::new(ClaimState::Untouched.to_byte()) }))
    }

    /// The endpoint's scope.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.claim.scope
    }

    /// The id that was claimed: the delivery's, or the event's.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.0.claim.id
    }

    /// The token that tells this attempt from all others.
    #[must_use]
    pub fn token(&self) -> OwnerToken {
        self.0.claim.token
    }

    /// How long the claim holds unless it is renewed. The layer renews it while the handler
    /// runs.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.0.claim.lease
    }

    /// The claim as the store was given it.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.0.claim
    }

    /// What the handler did with the claim.
    #[must_use]
    pub fn state(&self) -> ClaimState {
        ClaimState::from_byte(self.0.state.load(Ordering::Acquire))
    }

    /// Notes what the handler did with the claim. For stores: after
    /// [`ClaimState::Committed`] the layer records nothing itself, whatever the handler
    /// returns. After [`ClaimState::Refused`] it releases the claim, even if the handler
    /// returns 2xx.
    pub fn set_state(&self, state: ClaimState) {
        self.0.state.store(state.to_byte(), Ordering::Release);
    }
}

impl ClaimState {
    fn to_byte(self) -> u8 {
        match self {
            Self::Untouched => 0,
            Self::Staged => 1,
            Self::Committed => 2,
            Self::Refused => 3,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Staged,
            2 => Self::Committed,
            3 => Self::Refused,
            _ => Self::Untouched,
        }
    }
}

impl fmt::Debug for ClaimHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimHandle")
            .field("scope", self.scope())
            .field("id", self.id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
