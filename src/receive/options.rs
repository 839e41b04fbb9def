use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::checks::Checks;
use super::event_type::EventTypes;
use super::read::Limits;
use crate::delivery::Scope;
use crate::observe::{LayerKind, Observer, Observers};
use crate::rejection::Respond;
use crate::scheme::{NEVENT, Scheme, Sender};
use crate::{Clock, Rejection, RejectionResponse, SystemClock};

/// The settings of a [`VerifyLayer`](super::VerifyLayer). The defaults suit Nevent's schedule.
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::{Secret, Verifier, VerifyLayer, VerifyOptions};
///
/// let verifier = Verifier::new(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?);
/// let options = VerifyOptions::new()
///     .body_limit(64 * 1024)
///     .body_timeout(Duration::from_secs(3))
///     .scope("tickets".parse()?); // the scope of the `DedupeLayer`, for log lines
/// let verify = VerifyLayer::with_options(verifier, options);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct VerifyOptions {
    body_limit: Option<usize>,
    stall_timeout: Option<Duration>,
    body_timeout: Option<Duration>,
    unverified_budget: usize,
    clock: Arc<dyn Clock>,
    strict_event_type: bool,
    pub(super) unknown_tenants: Sender,
    scope: Option<Scope>,
    observers: Observers,
    respond: Respond,
}

impl VerifyOptions {
    /// Creates options with the default settings.
    pub fn new() -> Self {
        Self {
            body_limit: None,
            stall_timeout: None,
            body_timeout: None,
            unverified_budget: 256 * 1024 * 1024,
            clock: Arc::new(SystemClock),
            strict_event_type: false,
            unknown_tenants: NEVENT,
            scope: None,
            observers: Observers::default(),
            respond: Respond::default(),
        }
    }

    /// Sets how many bytes a body may have. A longer body is rejected with 413, before it is read if
    /// the head declares its length. Default 1 MiB (1,048,576 bytes) for Nevent, and for another
    /// sender what its scheme says.
    ///
    /// [`Delivery`](crate::Delivery), `Event` and `Batch` have no other limit. The frameworks'
    /// own extractors do. In axum, `Json`, `Bytes` and `String` take 2 MB unless
    /// `DefaultBodyLimit::max` says otherwise. In actix-web, `web::Bytes` takes 256 KiB and
    /// `web::Json` 2 MiB unless `PayloadConfig` and `JsonConfig` say otherwise.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// Sets how much memory, in bytes, all unverified bodies may hold together: those of the layer
    /// and of its clones, over any number of connections and streams. Default 256 MiB
    /// (268,435,456 bytes).
    ///
    /// If the next bytes of a body do not fit, the body is rejected with 503 `Try again later` and
    /// a `Retry-After`, and
    /// [`VerifyLayer::budget_rejections`](crate::VerifyLayer::budget_rejections) counts it. Bytes
    /// count from their arrival until the body is verified or rejected or its request is dropped. A
    /// declared length alone does not count. The layer counts the buffer that collects the bytes.
    /// Once an eighth of the declared length has arrived, the buffer has room for all of it. Before
    /// that, or without a declared length, it may be up to twice as large as its content. It is
    /// never larger than the body limit. The layer does not see the server's own buffers for a connection.
    ///
    /// A budget below the body limit acts as if it were the body limit. Otherwise no body of
    /// that length could ever be received.
    pub fn unverified_budget(mut self, bytes: usize) -> Self {
        self.unverified_budget = bytes;
        self
    }

    /// Sets how long a body may stall before it is rejected with 408. Default 5 s, or the body timeout
    /// if that is shorter. The time counts from the last bytes, and at first from when the layer had to
    /// wait for the body.
    pub fn stall_timeout(mut self, stall: Duration) -> Self {
        self.stall_timeout = Some(stall);
        self
    }

    /// Sets how long a body may take in all before it is rejected with 408. The time counts from its first
    /// bytes, or from when the layer first had to wait for them. Default 8 s for Nevent, and
    /// for a sender that waits less than 10 s correspondingly less. Keep it
    /// below the response deadline. Otherwise slow bodies leave the handler no time.
    pub fn body_timeout(mut self, total: Duration) -> Self {
        self.body_timeout = Some(total);
        self
    }

    /// Sets the clock that timestamps are checked against, for tests. Default [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Rejects an event whose `type` in the body differs from the `X-Nevent-Event` header: 400
    /// `Event type mismatch`. By default the signed body decides, and the difference is
    /// logged and counted when the event is read.
    #[cfg(feature = "events")]
    pub fn strict_event_type(mut self) -> Self {
        self.strict_event_type = true;
        self
    }

    /// Sets the scheme of the tenants of a [`VerifyLayer::per_tenant`](crate::VerifyLayer::per_tenant),
    /// so that a request for an unknown tenant is answered as one for a known tenant. Default
    /// [`Scheme::nevent`].
    ///
    /// The layer then expects that scheme's headers of a request for an unknown tenant, and applies the
    /// scheme's body limit, body timeout and statuses. Otherwise an attacker could tell from a missing
    /// header or from a long body which tenants exist. If your tenants have several schemes, no
    /// single scheme hides all of them: give each scheme a route of its own.
    ///
    #[cfg_attr(feature = "schemes", doc = "```")]
    #[cfg_attr(not(feature = "schemes"), doc = "```ignore")]
    /// use nevent_webhooks::{VerifyOptions, scheme::Scheme};
    ///
    /// let options = VerifyOptions::new().unknown_tenants_as(Scheme::github());
    /// ```
    pub fn unknown_tenants_as<T, K>(mut self, scheme: Scheme<T, K>) -> Self {
        self.unknown_tenants = scheme.sender;
        self
    }

    /// Sets the function that returns the body, the content type and further headers of a
    /// rejection. By default the body is [`Rejection::body_text`] as plain text.
    ///
    /// [`DedupeOptions::rejection_response`](crate::DedupeOptions::rejection_response) is the
    /// same for the rejections of the other layer: give both the same function. It works in
    /// axum, in other Tower services and in actix-web. The layers treat the unread part of a
    /// request's body as they do without the function.
    ///
    /// The function cannot change the status, `Retry-After` or the other
    /// [`headers`](Rejection::headers), because the sender acts on them. A rejection that looked
    /// like a success would lose the delivery, and a repeat that looked like an error would be sent
    /// again and again. The [`Rejection`] in the response's extensions stays as well. In actix-web
    /// it is the response's error.
    ///
    /// The function must not panic: the sender would get no response, and would send the delivery
    /// again.
    ///
    /// The function is called for the layers' own rejections only. For the rejections of
    /// extractors, use the framework's own means:
    ///
    /// - axum: take `Result<Event, Rejection>` as the argument, or `WithRejection` of the crate
    ///   axum-extra, or replace the response in `axum::middleware::map_response`.
    /// - actix-web: take `Result<Event, Rejection>` as the argument, or replace the response in
    ///   `actix_web::middleware::ErrorHandlers` around the resource.
    ///
    /// In actix-web a handler that panicked, or has not finished by the response deadline, owns the
    /// request, so the middleware returns an `Err`. With a function set, that error is a
    #[cfg_attr(feature = "actix", doc = "[`RejectionError`](crate::RejectionError),")]
    #[cfg_attr(not(feature = "actix"), doc = "`RejectionError`,")]
    /// otherwise a [`Rejection`].
    ///
    /// ```
    /// use nevent_webhooks::{DedupeOptions, Rejection, RejectionResponse, VerifyOptions};
    ///
    /// fn json(rejection: &Rejection) -> RejectionResponse {
    ///     let body = format!(r#"{{"error":"{}"}}"#, rejection.body_text());
    ///     RejectionResponse::new("application/json", body)
    /// }
    ///
    /// let verify = VerifyOptions::new().rejection_response(json);
    /// let dedupe = DedupeOptions::new().rejection_response(json);
    /// ```
    pub fn rejection_response(
        mut self,
        respond: impl Fn(&Rejection) -> RejectionResponse + Send + Sync + 'static,
    ) -> Self {
        self.respond = Respond::with(respond);
        self
    }

    /// Adds an observer, which the layer tells of everything that happens to requests. Each call
    /// adds one more.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers.add(Arc::new(observer));
        self
    }

    /// Sets the endpoint's scope, for observers and log lines. By default the layer's outcomes have
    /// no scope.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    pub(crate) fn into_checks<V>(self, verifiers: V) -> Checks<V> {
        Checks {
            verifiers,
            limits: Limits {
                size: self.body_limit,
                stall: self.stall_timeout,
                total: self.body_timeout,
            },
            budget: Budget::new(self.unverified_budget),
            clock: self.clock,
            event_types: EventTypes::new(self.strict_event_type),
            scope: self.scope,
            observers: self.observers.with_built_in(LayerKind::Checks),
            respond: self.respond,
        }
    }
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self::new()
    }
}
