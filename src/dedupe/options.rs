#[cfg(feature = "queue")]
mod consumer;
#[cfg(feature = "schemes")]
mod creation;
mod error;

use std::sync::Arc;
use std::time::Duration;

pub use self::error::OptionsError;
use super::{DedupeKey, Times};
use crate::observe::{Observer, Observers};
use crate::rejection::Respond;
use crate::scheme::{Scheme, Terms};
use crate::{Rejection, RejectionResponse};

/// The settings of a [`DedupeLayer`](super::DedupeLayer). The defaults suit Nevent's retries.
///
/// A dangerous setting is an error when the layer is created, unless you allow it with a method that
/// says so.
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::{DedupeLayer, DedupeOptions, store::MemoryStore};
///
/// let options = DedupeOptions::new().max_in_flight(64);
/// let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), options)?;
///
/// let short = DedupeOptions::new().retention(Duration::from_secs(3600));
/// let error = DedupeLayer::with_options("tickets", MemoryStore::new(), short).unwrap_err();
/// assert!(error.to_string().starts_with("a retention of 3600s is shorter than the 32400s"));
/// # Ok::<(), nevent_webhooks::OptionsError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct DedupeOptions {
    /// The sender whose terms the options are checked against.
    pub(super) terms: Terms,
    pub(super) retention: Option<Duration>,
    pub(super) lease: Option<Duration>,
    pub(super) response_deadline: Option<Duration>,
    pub(super) store_timeout: Option<Duration>,
    pub(super) handler_timeout: Option<Duration>,
    pub(super) max_in_flight: usize,
    pub(super) run_when_store_fails: bool,
    pub(super) dedupe_by: DedupeKey,
    pub(super) allow_short_retention: bool,
    pub(super) trust_unsigned_ids: bool,
    #[cfg(feature = "schemes")]
    pub(super) creation_field: Option<Arc<str>>,
    pub(super) share_scope: bool,
    pub(super) observers: Observers,
    pub(super) respond: Respond,
}

impl DedupeOptions {
    /// Creates options with the default settings.
    pub fn new() -> Self {
        Self {
            terms: Terms::new(),
            retention: None,
            lease: None,
            response_deadline: None,
            store_timeout: None,
            handler_timeout: None,
            max_in_flight: 1024,
            run_when_store_fails: false,
            dedupe_by: DedupeKey::DeliveryId,
            allow_short_retention: false,
            trust_unsigned_ids: false,
            #[cfg(feature = "schemes")]
            creation_field: None,
            share_scope: false,
            observers: Observers::default(),
            respond: Respond::default(),
        }
    }

    /// Creates options for the deliveries of this sender: a retention below its retry horizon is an
    /// error when the layer is created.
    ///
    /// You need this only if you set durations yourself. Durations that you do not set suit the sender
    /// of each delivery in any case.
    ///
    #[cfg_attr(feature = "schemes", doc = "```")]
    #[cfg_attr(not(feature = "schemes"), doc = "```ignore")]
    /// use std::time::Duration;
    /// use nevent_webhooks::{DedupeLayer, DedupeOptions, scheme::Scheme, store::MemoryStore};
    ///
    /// let short = Duration::from_secs(24 * 3600);
    /// let options = DedupeOptions::for_scheme(Scheme::github()).retention(short);
    /// assert!(DedupeLayer::with_options("github", MemoryStore::new(), options).is_err());
    /// ```
    pub fn for_scheme<T, K>(scheme: Scheme<T, K>) -> Self {
        Self { terms: scheme.terms(), ..Self::new() }
    }

    /// Sets the time for which the store keeps a completed delivery. Default 24 h, or an hour more
    /// than the sender's retry horizon if that is longer.
    ///
    /// At least 9 h: Nevent retries for almost that long, and a retry after the retention is
    /// handled again. For a delivery of another sender, a retention below the sender's retry horizon
    /// acts as that horizon.
    ///
    /// If the sender's signature covers no time, this is also the time for which a replay is
    /// recognised. A captured request that arrives later is handled again.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Allows a retention below the sender's retry horizon, which is 9 h for Nevent. A retry that
    /// arrives after the retention is handled **again**.
    pub fn dangerously_allow_short_retention(mut self) -> Self {
        self.allow_short_retention = true;
        self
    }

    /// Takes the same signed bytes under two ids for two deliveries, if the sender's signature covers
    /// neither a time nor the id, as GitHub's and Shopify's do not. By default they are one delivery.
    ///
    /// Use it if the sender sends different events with the same bytes, such as one order for several
    /// topics of Shopify on one route. An attacker who captured one request can then have it handled
    /// **again and again**, under ids that the attacker makes up.
    pub fn dangerously_trust_unsigned_ids(mut self) -> Self {
        self.trust_unsigned_ids = true;
        self
    }

    /// Allows several layers with the same scope in one store, for receivers of the *same*
    /// endpoint within one process.
    ///
    /// By default a second layer with the scope is an error while the first exists. Two endpoints
    /// with one scope would treat each other's deliveries as repeats, and respond 200 to events that
    /// no handler has seen. The check works for layers that share one store and were created on the
    /// same thread. It cannot see a second connection to the same server, other threads, workers of
    /// actix-web or other processes.
    ///
    /// A test with several receivers needs this setting, and so does a program that creates new
    /// layers while the old ones still serve.
    pub fn share_scope(mut self) -> Self {
        self.share_scope = true;
        self
    }

    /// Sets the time after which a claim expires unless it is renewed. At least three times the
    /// response deadline. Default 30 s, or longer for a sender that waits longer than 11 s.
    ///
    /// If the process dies, the delivery can be claimed again once the lease has expired. While a
    /// handler runs longer than that, the layer renews its lease. A sender that repeats a delivery
    /// in flight is told to retry after the lease.
    ///
    /// A store that is silent for less than half a lease costs no lease. After a longer outage, or
    /// if the process was frozen, another receiver may run the same delivery at the same time. The
    /// layer starts no handler whose lease may have expired, but cannot stop one that has started.
    /// It counts such attempts as
    /// [`Incident::LeaseLost`](crate::Incident::LeaseLost).
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Sets the time after which the layer responds 503 to the sender while the handler continues in
    /// the background. It counts from the arrival of the request's head. Default nine tenths of the
    /// sender's timeout: 9 s for Nevent, which gives up after 10 s.
    pub fn response_deadline(mut self, response_deadline: Duration) -> Self {
        self.response_deadline = Some(response_deadline);
        self
    }

    /// Sets how long one call of the store may take. It must be above zero and below the response
    /// deadline. Default 2 s, or shorter for a sender that waits less than 3.3 s.
    pub fn store_timeout(mut self, store_timeout: Duration) -> Self {
        self.store_timeout = Some(store_timeout);
        self
    }

    /// Sets the time after which the layer drops a handler that has not ended, and releases its
    /// delivery. Default 10 min, and at least the response deadline.
    pub fn handler_timeout(mut self, handler_timeout: Duration) -> Self {
        self.handler_timeout = Some(handler_timeout);
        self
    }

    /// Sets how many deliveries may be handled at once, including those in the background. Default
    /// 1,024. Above the limit the layer responds 503 `Try again later`.
    ///
    /// Each delivery may hold a body in memory. The events of a batch share one permit.
    pub fn max_in_flight(mut self, max_in_flight: usize) -> Self {
        self.max_in_flight = max_in_flight;
        self
    }

    /// Runs the handler without a claim when the store fails. By default the layer responds 503, and
    /// the sender retries.
    ///
    /// No delivery is lost in either case. With this setting a delivery may be handled **more than
    /// once** while the store is down. The store then learns of the delivery only when its handler has
    /// ended, and never of its signed bytes: a request that was captured meanwhile may be handled again
    /// under another id, for as long as its signature is accepted.
    pub fn dangerously_run_when_store_fails(mut self) -> Self {
        self.run_when_store_fails = true;
        self
    }

    /// Sets the id by which deliveries are deduplicated. Default [`DedupeKey::DeliveryId`].
    ///
    #[cfg_attr(feature = "events", doc = "```")]
    #[cfg_attr(not(feature = "events"), doc = "```ignore")]
    /// use nevent_webhooks::{DedupeKey, DedupeOptions};
    ///
    /// let options = DedupeOptions::new().dedupe_by(DedupeKey::EventId);
    /// ```
    pub fn dedupe_by(mut self, key: DedupeKey) -> Self {
        self.dedupe_by = key;
        self
    }

    /// Adds an observer, which the layer tells of everything that happens to deliveries. Each call
    /// adds one more.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.add(Arc::new(observer));
        self
    }

    /// Sets the function that returns the body, the content type and further headers of a
    /// rejection, as
    /// [`VerifyOptions::rejection_response`](crate::VerifyOptions::rejection_response) does for
    /// the other layer. By default the body is [`Rejection::body_text`] as plain text.
    pub fn rejection_response(
        mut self,
        respond: impl Fn(&Rejection) -> RejectionResponse + Send + Sync + 'static,
    ) -> Self {
        self.respond = Respond::with(respond);
        self
    }

    /// The durations that hold for a sender with these terms.
    pub(super) fn times(&self, terms: &Terms) -> Times {
        Times::new(self, terms)
    }

    /// Checks the settings, alone and in combination.
    pub(super) fn checked(self) -> Result<Self, OptionsError> {
        if self.max_in_flight == 0 {
            return Err(OptionsError::NoneInFlight);
        }
        #[cfg(feature = "schemes")]
        self.check_creation_field()?;
        let least = self.terms.least_retention();
        if let Some(retention) = self.retention.filter(|retention| *retention < least)
            && !self.allow_short_retention
        {
            return Err(OptionsError::RetentionTooShort { retention, least });
        }
        let Times { lease, response_deadline, store_timeout, handler_timeout, .. } =
            self.times(&self.terms);
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
