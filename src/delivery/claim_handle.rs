use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::{Claim, DeliveryId, OwnerToken, Scope};

/// The handler's access to the claim under which it runs.
///
/// [`Delivery::claim`](crate::Delivery::claim) returns it below a
/// [`DedupeLayer`](crate::DedupeLayer), and
/// [`Batch::process_claimed`](crate::Batch::process_claimed) passes one for each event.
///
/// A store may keep its records in the same database as the handler's data. It can then use the
/// handle to complete the delivery within the handler's own transaction, fenced by the token, and
/// notes the result in the handle with [`ClaimHandle::set_state`].
///
/// Clones share one state.
///
#[cfg_attr(any(feature = "tower", feature = "actix"), doc = "```")]
#[cfg_attr(not(any(feature = "tower", feature = "actix")), doc = "```ignore")]
/// use nevent_webhooks::{ClaimState, Delivery};
///
/// fn describe(delivery: &Delivery) -> String {
///     match delivery.claim() {
///         None => "not claimed: no DedupeLayer".to_owned(),
///         Some(claim) if claim.state() == ClaimState::Committed => {
///             format!("{} completed in the handler's transaction", claim.id())
///         }
///         Some(claim) => format!("{} claimed for {:?}", claim.id(), claim.lease()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct ClaimHandle(Arc<Inner>);

struct Inner {
    claim: Claim,
    state: AtomicU8,
}

/// The state of a claim, as far as a handler changed it by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimState {
    /// The handler did not touch the claim. The layer completes or releases the delivery when the
    /// handler has ended.
    Untouched,
    /// The completion is part of a transaction that may or may not have been committed.
    Staged,
    /// The completion was committed. The layer has nothing left to complete.
    Committed,
    /// The store did not record the completion, because another attempt owns the delivery.
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

    /// The claimed id, of the delivery or of the event.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.0.claim.id
    }

    /// The token that identifies this attempt as the owner.
    #[must_use]
    pub fn token(&self) -> OwnerToken {
        self.0.claim.token
    }

    /// The time after which the claim expires unless it is renewed. The layer renews it while the
    /// handler runs.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.0.claim.lease
    }

    /// The claim as the layer sent it to the store.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.0.claim
    }

    /// The state that the store noted last.
    #[must_use]
    pub fn state(&self) -> ClaimState {
        ClaimState::from_byte(self.0.state.load(Ordering::Acquire))
    }

    /// Notes a new state, for stores that complete a delivery in the handler's transaction. After
    /// [`ClaimState::Committed`] the layer records nothing itself, whatever the handler returns.
    /// After [`ClaimState::Refused`] it releases the claim, even if the handler returns 2xx.
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
