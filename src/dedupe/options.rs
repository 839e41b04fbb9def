use std::sync::Arc;
use std::time::Duration;

use crate::observe::{Observer, Observers};
use crate::store::{Scope, ScopeError};

/// How deliveries are deduplicated; every setting has a default that suits
/// Nevent's schedule. What would be dangerous is refused when the layer is made.
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::{DedupeLayer, DedupeOptions, store::MemoryStore};
///
/// let options = DedupeOptions::new().max_in_flight(64);
/// let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), options)?;
///
/// let forgetful = DedupeOptions::new().retention(Duration::from_secs(3600));
/// let error = DedupeLayer::with_options("tickets", MemoryStore::new(), forgetful).unwrap_err();
/// assert!(error.to_string().starts_with("a retention of 3600s is shorter than the 32400s"));
/// # Ok::<(), nevent_webhooks::OptionsError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct DedupeOptions {
    pub(super) retention: Duration,
    pub(super) lease: Duration,
    pub(super) response_deadline: Duration,
    pub(super) store_timeout: Duration,
    pub(super) handler_timeout: Duration,
    pub(super) max_in_flight: usize,
    pub(super) run_when_store_fails: bool,
    #[cfg(feature = "events")]
    pub(super) by_event_id: bool,
    allow_short_retention: bool,
    pub(super) share_scope: bool,
    pub(super) observers: Observers,
}

impl DedupeOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            retention: Duration::from_secs(24 * 3600),
            lease: Duration::from_secs(30),
            response_deadline: Duration::from_secs(9),
            store_timeout: Duration::from_secs(2),
            handler_timeout: Duration::from_secs(600),
            max_in_flight: 1024,
            run_when_store_fails: false,
            #[cfg(feature = "events")]
            by_event_id: false,
            allow_short_retention: false,
            share_scope: false,
            observers: Observers::built_in(),
        }
    }

    /// How long a completed delivery is remembered. Default 24 h; below 9 h,
    /// Nevent's own retries would outlive the memory of what they repeat.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Takes a retention below 9 h. A retry that comes later than the retention
    /// is handled **again**.
    pub fn dangerously_allow_short_retention(mut self) -> Self {
        self.allow_short_retention = true;
        self
    }

    /// Lets several layers use one scope of one store: receivers of the *same* endpoint
    /// within one process, as a test may have them.
    ///
    /// Two endpoints with one scope take each other's deliveries for repeats, and answer 200
    /// to events that no handler has seen. So a second layer with the scope is refused by
    /// default while the first lives, if both have clones of one store and were made on the same
    /// thread. Two connections to one server, other threads, workers of actix-web and other
    /// processes are not noticed. A program that makes new layers while the old ones serve
    /// needs it, too.
    pub fn share_scope(mut self) -> Self {
        self.share_scope = true;
        self
    }

    /// How long a handler holds its delivery if the process dies. Default 30 s, at least
    /// three times the response deadline; renewed while a handler runs on beyond that. A
    /// repeat is told to come back when it would expire.
    ///
    /// A store that gives no answers for less than half of it costs no handler its lease.
    /// A receiver that is cut off from its store, or frozen, for longer may run a delivery
    /// beside another receiver when it goes on: it starts no handler whose lease may have
    /// expired, but it cannot take back one that has started. Such attempts are counted as
    /// [`Incident::LeaseLost`](crate::Incident::LeaseLost).
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long after the request's head the sender is answered 503 although the
    /// handler goes on. Default 9 s: Nevent gives up after 10.
    pub fn response_deadline(mut self, response_deadline: Duration) -> Self {
        self.response_deadline = response_deadline;
        self
    }

    /// How long one call of the store may take. Default 2 s.
    pub fn store_timeout(mut self, store_timeout: Duration) -> Self {
        self.store_timeout = store_timeout;
        self
    }

    /// When a handler that does not end is dropped and its delivery released.
    /// Default 10 min.
    pub fn handler_timeout(mut self, handler_timeout: Duration) -> Self {
        self.handler_timeout = handler_timeout;
        self
    }

    /// How many deliveries may be at work at once, those included whose client has
    /// gone. Default 1,024; each may hold a body in memory. The events of a batch share
    /// its place.
    pub fn max_in_flight(mut self, max_in_flight: usize) -> Self {
        self.max_in_flight = max_in_flight;
        self
    }

    /// Runs the handler when the store does not take the claim, instead of
    /// answering 503. Nothing is lost then either way; but while the store is
    /// down, a delivery may be handled **more than once**.
    pub fn dangerously_run_when_store_fails(mut self) -> Self {
        self.run_when_store_fails = true;
        self
    }

    /// Deduplicates a delivery that is one event by the event's own `id` instead of
    /// by the delivery's. Off by default.
    ///
    /// Switch it on if an event must not be handled again when somebody sends it again
    /// by hand from Nevent's panel, which makes a delivery of its own; or if you want an
    /// identity that is signed, as the delivery's id is not. Leave it off if what is sent
    /// again by hand is to be handled again. A body that is a batch, or no event, still
    /// goes by the delivery's id. The body is looked through once more before the claim.
    ///
    /// Records of the one kind say nothing to the other: after it was switched on or off,
    /// and while some receivers have it and others not, a retry of what was completed
    /// before is handled once more.
    ///
    /// Handlers that take a [`Batch`](crate::event::Batch) need it not: its events go by
    /// their own ids anyhow, one that came alone included.
    #[cfg(feature = "events")]
    pub fn by_event_id(mut self) -> Self {
        self.by_event_id = true;
        self
    }

    /// Adds an observer, which is told of everything that happens to deliveries. Each call
    /// adds one more.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.add(Arc::new(observer));
        self
    }

    pub(super) fn checked(self) -> Result<Self, OptionsError> {
        if self.max_in_flight == 0 {
            return Err(OptionsError::NoneInFlight);
        }
        if self.retention < LEAST_RETENTION && !self.allow_short_retention {
            let retention = self.retention;
            return Err(OptionsError::RetentionTooShort { retention });
        }
        let Self { lease, response_deadline, store_timeout, handler_timeout, .. } = self;
        if lease < response_deadline.saturating_mul(3) {
            return Err(OptionsError::LeaseTooShort { lease, response_deadline });
        }
        if store_timeout.is_zero() || store_timeout >= response_deadline {
            return Err(OptionsError::StoreTimeout { store_timeout, response_deadline });
        }
        if handler_timeout < response_deadline {
            return Err(OptionsError::HandlerTimeoutTooShort {
                handler_timeout,
                response_deadline,
            });
        }
        Ok(self)
    }
}

impl Default for DedupeOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Five retries after 1 min, 5 min, 30 min, 2 h and 6 h are 8 h 36 min; their
/// timeouts and some slack make nine hours.
const LEAST_RETENTION: Duration = Duration::from_secs(9 * 3600);

crate::text::debug_is_display!(OptionsError);

/// Why a layer was not made from its options.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The scope is no plain name.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Another layer has the same scope over the same store.
    #[error(
        "another layer has the scope {scope:?} in this store, so that two endpoints would take \
         each other's deliveries for repeats: give each a scope of its own, clone the layer if \
         they are one endpoint, or allow it with `share_scope`"
    )]
    ScopeInUse {
        /// The scope.
        scope: Scope,
    },
    /// Deliveries would be forgotten before their last retry.
    #[error(
        "a retention of {retention:?} is shorter than the {LEAST_RETENTION:?} for which Nevent \
         sends retries: lengthen it, or allow it with `dangerously_allow_short_retention`"
    )]
    RetentionTooShort {
        /// The retention asked for.
        retention: Duration,
    },
    /// A handler that may still answer could lose its lease.
    #[error(
        "a lease of {lease:?} is less than three times the response deadline of {response_deadline:?}: \
         lengthen the lease or shorten the deadline"
    )]
    LeaseTooShort {
        /// The lease asked for.
        lease: Duration,
        /// The response deadline asked for.
        response_deadline: Duration,
    },
    /// The store could not be waited for, or for too long.
    #[error(
        "a store timeout of {store_timeout:?} must be above zero and below the response deadline \
         of {response_deadline:?}"
    )]
    StoreTimeout {
        /// The store timeout asked for.
        store_timeout: Duration,
        /// The response deadline asked for.
        response_deadline: Duration,
    },
    /// Handlers would be dropped while their client still waits.
    #[error(
        "a longest run of {handler_timeout:?} is less than the response deadline of {response_deadline:?}: \
         lengthen it, or shorten the deadline"
    )]
    HandlerTimeoutTooShort {
        /// The longest run asked for.
        handler_timeout: Duration,
        /// The response deadline asked for.
        response_deadline: Duration,
    },
    /// No handler could ever run.
    #[error("`max_in_flight` is 0, so no handler could run: allow at least 1")]
    NoneInFlight,
}
