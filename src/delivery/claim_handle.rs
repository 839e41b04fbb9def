use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::{Claim, DeliveryId, OwnerToken, Scope};
use crate::store::CompletionSql;

/// The handler's access to the claim under which it runs.
///
/// [`Delivery::claim`](crate::Delivery::claim) returns it below a
/// [`DedupeLayer`](crate::DedupeLayer), and
/// [`Batch::process_claimed`](crate::Batch::process_claimed) passes one for each event. If the
/// layer's store keeps its records in the database where the handler has its effect, the handler can
/// complete the delivery in its own transaction with [`ClaimHandle::commit`]. For effects in Redis there
/// is [`RedisStore::complete_with`](crate::store::RedisStore::complete_with).
///
/// Clones share one state.
///
#[cfg_attr(any(feature = "tower", feature = "actix", feature = "queue"), doc = "```")]
#[cfg_attr(not(any(feature = "tower", feature = "actix", feature = "queue")), doc = "```ignore")]
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
    #[cfg_attr(
        not(any(feature = "tower", feature = "actix", feature = "queue")),
        expect(dead_code)
    )]
    sql: Option<CompletionSql>,
    state: AtomicU8,
}

/// The state of a claim, as far as a handler changed it by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimState {
    /// The handler did not touch the claim. The layer completes or releases the delivery when the
    /// handler has ended.
    Untouched,
    /// The completion is part of a transaction that may or may not have been committed. After a 2xx
    /// the layer asks the store which it was.
    Staged,
    /// The completion was committed. The layer has nothing left to complete.
    Committed,
    /// The completion failed: another attempt owns the delivery or has completed it, or the database
    /// failed.
    ///
    /// Roll the transaction back and return the error.
    Refused,
}

impl ClaimHandle {
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn new(claim: Claim, sql: Option<CompletionSql>) -> Self {
        Self(Arc::new(Inner { claim, sql, state: AtomicU8::new(ClaimState::Untouched.to_byte()) }))
    }

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn sql(&self) -> Option<&CompletionSql> {
        self.0.sql.as_ref()
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

    /// Notes a new state, for a program that completes the delivery by other means than
    /// [`ClaimHandle::commit`], [`ClaimHandle::complete_in`] and
    /// [`RedisStore::complete_with`](crate::store::RedisStore::complete_with), which note it themselves.
    ///
    /// After [`ClaimState::Committed`] the layer records nothing itself, whatever the handler
    /// returns. If the handler returns 2xx after [`ClaimState::Staged`] or
    /// [`ClaimState::Refused`], the layer asks the store. Unless the delivery is completed, it
    /// answers 500 and releases the claim.
    pub fn set_state(&self, state: ClaimState) {
        self.0.state.store(state.to_byte(), Ordering::Release);
    }

    /// Notes a new state, unless the completion was committed before: that is final.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn note(&self, state: ClaimState) {
        self.0.state.fetch_max(state.to_byte(), Ordering::AcqRel);
    }
}

impl ClaimState {
    /// In the order in which [`ClaimHandle::note`] may change them.
    fn to_byte(self) -> u8 {
        match self {
            Self::Untouched => 0,
            Self::Staged => 1,
            Self::Refused => 2,
            Self::Committed => 3,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Staged,
            2 => Self::Refused,
            3 => Self::Committed,
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
