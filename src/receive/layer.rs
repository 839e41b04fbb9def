use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::checks::Checks;
use super::event_type::EventTypes;
use super::read::BodyLimits;
use crate::delivery::Scope;
use crate::observe::{Observer, Observers};
use crate::{Clock, SystemClock, Verifier};

/// Lets through what is genuine and fresh, with its body read and verified, and
/// answers everything else itself.
///
/// Below it a request has its [`Delivery`](crate::Delivery) in the extensions and, in Tower, a
/// [`VerifiedBody`](crate::VerifiedBody). By itself it lets every repeat through: put a
/// [`DedupeLayer`](crate::DedupeLayer) beside it. Nothing below it is called before the
/// verdict, and in Tower nothing is asked to be ready either: a stalled forgery holds no
/// permit of a concurrency limit. (actix-web asks all services to be ready before it has
/// a request, and the middleware passes the question on.)
///
/// ```
/// use nevent_webhooks::{Secret, Verifier, VerifyLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let verify = VerifyLayer::new(Verifier::new(secret)).body_limit(64 * 1024);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct VerifyLayer {
    pub(crate) checks: Arc<Checks>,
}

impl VerifyLayer {
    /// Verifies with this verifier, bodies up to 1 MiB (1,048,576 bytes) that
    /// never stall for 5 s and take no more than 8 s.
    pub fn new(verifier: Verifier) -> Self {
        let checks = Checks {
            verifier,
            limits: BodyLimits {
                size: 1024 * 1024,
                stall: Duration::from_secs(5),
                total: Duration::from_secs(8),
            },
            budget: Arc::new(Budget::new(256 * 1024 * 1024)),
            clock: Arc::new(SystemClock),
            event_types: EventTypes::default(),
            scope: None,
            observers: Observers::built_in(),
        };
        Self { checks: Arc::new(checks) }
    }

    /// Sets the most bytes a body may have. What is longer is refused with 413,
    /// at the head if it says so.
    ///
    /// [`Delivery`](crate::Delivery), `Event` and `Batch` have no other limit. The frameworks' own
    /// extractors have: in axum `Json`, `Bytes` and `String` take 2 MB unless
    /// `DefaultBodyLimit::max` says otherwise; in actix-web `web::Bytes` takes 256 KiB
    /// and `web::Json` 2 MiB unless `PayloadChecks` and `JsonChecks` do.
    pub fn body_limit(self, bytes: usize) -> Self {
        self.with(|checks| checks.limits.size = bytes)
    }

    /// Sets the memory, in bytes, that all bodies without a verdict may hold together:
    /// those of this layer and of its clones, over any number of connections and
    /// streams. By default 256 MiB (268,435,456 bytes).
    ///
    /// A body whose next bytes do not fit is answered 503 `Try again later` with
    /// `Retry-After`, and counted by [`VerifyLayer::budget_refusals`]. Bytes count when
    /// they arrive, never when they are announced, and until the body's verdict, or
    /// until its request is dropped. What counts is the buffer that they are collected
    /// in, up to twice as large as its content and never larger than the body limit.
    /// What the server itself buffers for a connection is not in the layer's sight.
    ///
    /// A clone on which this is called has a budget of its own from then on.
    ///
    /// A budget below the body limit acts as if it were the body limit, because
    /// otherwise no body of that length could ever be received.
    ///
    /// ```
    /// # use nevent_webhooks::{Secret, Verifier, VerifyLayer};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let verifier = Verifier::new(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?);
    /// let verify = VerifyLayer::new(verifier).unverified_budget(32 * 1024 * 1024);
    /// # Ok(()) }
    /// ```
    pub fn unverified_budget(self, bytes: usize) -> Self {
        self.with(|checks| checks.budget = Arc::new(Budget::new(bytes)))
    }

    /// Sets how long a body may go without a byte before 408.
    pub fn stall_timeout(self, stall: Duration) -> Self {
        self.with(|checks| checks.limits.stall = stall)
    }

    /// Sets how long a body may take in all before 408. Keep it below the answer
    /// deadline, or slow bodies leave no time to the handler.
    pub fn body_timeout(self, total: Duration) -> Self {
        self.with(|checks| checks.limits.total = total)
    }

    /// Judges timestamps by this clock, for tests.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.with(|checks| checks.clock = Arc::new(clock))
    }

    /// Refuses an event whose body is of another `type` than `X-Nevent-Event` says:
    /// 400 `Event type mismatch`. By default the body, which is signed, decides, and
    /// the difference is logged and counted when the event is read.
    #[cfg(feature = "events")]
    pub fn strict_event_type(self) -> Self {
        self.with(|checks| checks.event_types.strict = true)
    }

    /// Adds an observer, which is told of everything that happens to requests. Each call
    /// adds one more.
    pub fn observer(self, observer: impl Observer) -> Self {
        self.with(|checks| checks.observers.add(Arc::new(observer)))
    }

    /// Says the endpoint's scope, for observers and log lines.
    pub fn scope(self, scope: Scope) -> Self {
        self.with(|checks| checks.scope = Some(scope))
    }

    /// How many events had another `type` than `X-Nevent-Event` said: of those that
    /// were read with [`Event`](crate::Event) or [`Batch`](crate::event::Batch), or
    /// refused. Clones count together.
    #[cfg(feature = "events")]
    #[must_use]
    pub fn event_type_mismatches(&self) -> u64 {
        self.checks.event_types.mismatches()
    }

    /// The memory, in bytes, that bodies without a verdict hold now. Clones count
    /// together.
    #[must_use]
    pub fn unverified_bytes(&self) -> usize {
        self.checks.budget.held()
    }

    /// How many bodies were answered 503 because they did not fit into the
    /// [budget](VerifyLayer::unverified_budget). Clones count together. Above 0, the
    /// receiver was flooded, or the budget is too small for its load.
    #[must_use]
    pub fn budget_refusals(&self) -> u64 {
        self.checks.budget.refusals()
    }

    fn with(mut self, change: impl FnOnce(&mut Checks)) -> Self {
        change(Arc::make_mut(&mut self.checks));
        self
    }
}
