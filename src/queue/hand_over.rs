use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Envelope, HandOverRequest, Queue, QueueError};
use crate::batch::{Waiting, process_each};
use crate::dedupe::EventName;
use crate::observe::metrics::HandOvers;
use crate::transaction::CompleteError;
use crate::{BatchReport, ClaimHandle, ClaimState, DedupeKey, DeliveryId, Rejection};

/// The handler that puts each delivery into this queue, with the default options. See [`HandOver`].
///
/// ```
/// use axum::{Router, routing::post};
/// use nevent_webhooks::queue::{Envelope, Queue, QueueError, hand_over};
/// use nevent_webhooks::store::MemoryStore;
/// use nevent_webhooks::{ClaimHandle, DedupeLayer, Secret, Verifier, VerifyLayer};
///
/// struct Jobs;
///
/// impl Queue for Jobs {
///     async fn put(&self, envelope: &Envelope, _: &ClaimHandle) -> Result<(), QueueError> {
///         println!("{}", envelope.to_json()); // Send it, and wait for the broker's confirmation.
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let verify = VerifyLayer::new(Verifier::new(secret));
/// let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
/// let app: Router = Router::new()
///     .route("/webhooks/nevent", post(hand_over(Jobs)).route_layer((verify, dedupe)));
/// # Ok(()) }
/// ```
///
/// In actix-web the route is `web::post().to(hand_over(Jobs))`, with the middleware around it.
pub fn hand_over<Q: Queue>(
    queue: Q,
) -> impl Fn(HandOverRequest) -> HandOverFuture + Clone + Send + Sync + 'static {
    HandOver::new(queue).handler()
}

/// Puts each delivery into a queue, and answers 200 when the queue has confirmed it. Clones share the
/// queue.
///
/// # The steps of a delivery
///
/// 1. [`DedupeLayer`](crate::DedupeLayer) claims the delivery, as for any handler.
/// 2. [`Queue::put`] puts its [`Envelope`], and returns when the broker has confirmed it.
/// 3. The layer completes the delivery, and the sender is answered 200.
///
/// If the broker refuses or does not answer in time, the delivery is released, and the sender is answered
/// 503 `Try again later`: [`Rejection::QueueUnavailable`]. Each attempt of the sender puts at most one
/// copy.
///
/// Of a batch of Nevent's, each event is an entry of its own, under a claim of its own, as with
/// [`Batch::process_claimed`](crate::Batch::process_claimed). The response is 500 `Batch incomplete` unless
/// the queue has all of them. The retry puts the others.
///
/// An event that cannot be read is put as it came. So is a body that is no event. See
/// [`Envelope::is_readable`].
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::queue::{HandOver, Queue};
///
/// fn handler(queue: impl Queue) -> axum::routing::MethodRouter {
///     let hand_over = HandOver::new(queue).put_timeout(Duration::from_secs(2)).keep_signature();
///     axum::routing::post(hand_over.handler())
/// }
/// ```
#[must_use]
pub struct HandOver<Q> {
    queue: Arc<Q>,
    put_timeout: Option<Duration>,
    keep_signature: bool,
    concurrency: usize,
    metrics: HandOvers,
    trace_context: Option<Arc<TraceContextFn>>,
}

type TraceContextFn = dyn Fn() -> Option<(String, Option<String>)> + Send + Sync;

/// The future of a hand-over: the response to the sender.
pub type HandOverFuture = Pin<Box<dyn Future<Output = Result<BatchReport, Rejection>> + Send>>;

impl<Q: Queue> HandOver<Q> {
    /// Creates a hand-over to this queue.
    pub fn new(queue: Q) -> Self {
        Self {
            queue: Arc::new(queue),
            put_timeout: None,
            keep_signature: false,
            concurrency: 8,
            metrics: HandOvers::new(Cow::Borrowed("queue")),
            trace_context: None,
        }
    }

    /// Sets how long the queue may take to confirm one entry. Default half of the response deadline: 4.5 s
    /// for Nevent.
    ///
    /// After this time the put is dropped, and the sender is told to retry. The broker may have the entry
    /// all the same, so the retry may put a second copy.
    pub fn put_timeout(mut self, limit: Duration) -> Self {
        self.put_timeout = Some(limit);
        self
    }

    /// Keeps the headers of the signature in the envelope, so that the consumer can verify it again: see
    /// [`Envelope::verify`]. By default they are left out. An event of a batch has no signature of its own.
    pub fn keep_signature(mut self) -> Self {
        self.keep_signature = true;
        self
    }

    /// Sets the queue's name in [metrics](crate::guide::observing#metrics). Default `queue`. Name each
    /// queue if the receiver has several. Without the feature `metrics` the name has no effect.
    pub fn name(mut self, queue: impl Into<Cow<'static, str>>) -> Self {
        self.metrics = HandOvers::new(queue.into());
        self
    }

    /// Sets how many events of one batch are put at a time. Default 8. 0 counts as 1.
    pub fn concurrency(mut self, events: usize) -> Self {
        self.concurrency = events;
        self
    }

    /// Sets the function that returns the trace context of the current span, for the envelope: `traceparent` and
    /// `tracestate`, as the W3C defines them. It is called within the span of the request. By default, and
    /// where it returns `None`, the envelope has the context that the request came with.
    ///
    /// With OpenTelemetry it asks the propagator: see
    /// [`guide::observing`](crate::guide::observing#traces).
    pub fn trace_context(
        mut self,
        current: impl Fn() -> Option<(String, Option<String>)> + Send + Sync + 'static,
    ) -> Self {
        self.trace_context = Some(Arc::new(current));
        self
    }

    /// The handler for a route of axum, `post(hand_over.handler())`, or of actix-web,
    /// `web::post().to(hand_over.handler())`.
    pub fn handler(
        self,
    ) -> impl Fn(HandOverRequest) -> HandOverFuture + Clone + Send + Sync + 'static {
        move |request| Box::pin(self.clone().take(request))
    }

    /// Hands over the delivery of a request that passed [`VerifyLayer`](crate::VerifyLayer) and
    /// [`DedupeLayer`](crate::DedupeLayer), for services without extractors.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use nevent_webhooks::queue::{HandOver, Queue};
    /// use nevent_webhooks::{ResponseBody, VerifiedBody};
    /// # use axum::{body::Bytes, http};
    ///
    /// async fn service<Q: Queue>(
    ///     hand_over: HandOver<Q>,
    ///     request: Request<VerifiedBody>,
    /// ) -> Response<ResponseBody<Full<Bytes>>> {
    ///     match hand_over.of_request(&request).await.and_then(|report| report.into_result()) {
    ///         Ok(()) => Response::default(),
    ///         Err(rejection) => rejection.to_response(),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future's error is the response to the sender, such as [`Rejection::QueueUnavailable`].
    #[cfg(feature = "tower")]
    pub fn of_request<B>(&self, request: &http::Request<B>) -> HandOverFuture {
        match HandOverRequest::of_http(request.headers(), request.extensions()) {
            Ok(request) => Box::pin(self.clone().take(request)),
            Err(rejection) => Box::pin(std::future::ready(Err(rejection))),
        }
    }

    async fn take(self, request: HandOverRequest) -> Result<BatchReport, Rejection> {
        let HandOverRequest { delivery, claimed, trace, signature } = request;
        let limit = self.put_timeout.unwrap_or_else(|| claimed.put_timeout(&delivery));
        let trace = self.trace_context.as_ref().and_then(|current| current()).or(trace);
        let traced = |envelope: Envelope| match &trace {
            Some((parent, state)) => envelope.with_trace(parent, state.as_deref()),
            None => envelope,
        };
        if let Some(parts) = Envelope::parts(&delivery) {
            let parts = parts.into_iter().map(|envelope| part(traced(envelope))).collect();
            let concurrency = self.concurrency;
            let put = move |envelope: Envelope, claim: ClaimHandle| {
                let (queue, metrics) = (Arc::clone(&self.queue), self.metrics.clone());
                async move {
                    let put = put(&*queue, &envelope, &claim, limit);
                    let put = metrics.measure(claim.scope(), put, result_of).await;
                    put.map_err(|error| Rejection::from(error).to_string())
                }
            };
            return Ok(process_each(delivery, claimed, concurrency, parts, put).await);
        }
        let signature = signature.filter(|_| self.keep_signature);
        let envelope = traced(Envelope::of(&delivery)).signed(signature);
        let claim = delivery.claim().ok_or(Rejection::MissingDedupeLayer)?;
        let put = put(&*self.queue, &envelope, claim, limit);
        self.metrics.measure(claim.scope(), put, result_of).await?;
        Ok(BatchReport { completed: 1, ..BatchReport::default() })
    }
}

/// Puts one entry, within the time limit.
async fn put(
    queue: &impl Queue,
    envelope: &Envelope,
    claim: &ClaimHandle,
    limit: Duration,
) -> Result<(), QueueError> {
    match timeout(limit, queue.put(envelope, claim)).await {
        Err(_) => Err(QueueError::TimedOut { limit }),
        // An earlier put may have reached the queue. The layer asks the store to confirm that.
        Ok(Err(QueueError::NotCompleted(CompleteError::AlreadyCompleted))) => {
            claim.note(ClaimState::Refused);
            Ok(())
        }
        Ok(put) => put,
    }
}

/// The name of a put's result, for metrics.
fn result_of(put: &Result<(), QueueError>) -> &'static str {
    match put {
        Ok(()) => "confirmed",
        Err(QueueError::Unavailable(_)) => "failed",
        Err(QueueError::TimedOut { .. }) => "timed_out",
        Err(QueueError::NotCompleted(_)) => "not_completed",
    }
}

/// An event of a batch, to be claimed by its own id. One that cannot be read is claimed by its position.
fn part(envelope: Envelope) -> Waiting<Envelope> {
    let (delivery, position) = (envelope.delivery_id(), envelope.position().unwrap_or_default());
    let (id, claim_id) = match envelope.dedupe_key() {
        DedupeKey::EventId => (envelope.id().as_str().to_owned(), envelope.id().clone()),
        DedupeKey::DeliveryId => {
            let claim_id = DeliveryId::of_part(delivery, position, envelope.body());
            (format!("{delivery}[{position}]"), claim_id)
        }
    };
    let event_id = envelope.is_readable().then(|| id.clone());
    let event_type = envelope.event_type().unwrap_or_default().to_owned();
    Waiting { name: EventName { id, event_type }, claim_id, event_id, item: envelope }
}

/// Implemented by hand because a derived `Clone` would need a queue that is `Clone`.
impl<Q> Clone for HandOver<Q> {
    fn clone(&self) -> Self {
        let (metrics, trace_context) = (self.metrics.clone(), self.trace_context.clone());
        Self { queue: Arc::clone(&self.queue), metrics, trace_context, ..*self }
    }
}

impl<Q> fmt::Debug for HandOver<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOver")
            .field("put_timeout", &self.put_timeout)
            .field("keep_signature", &self.keep_signature)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
