use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::read::BodyLimits;
use super::response::ResponseBody;
use super::verified_body::VerifiedBody;
use crate::delivery::{Delivery, event_header};
use crate::{Clock, DeliveryId, Rejection, SystemClock, Verifier, trace};

/// Lets through what is genuine and fresh, with its body read and verified, and
/// answers everything else itself.
///
/// Below it a request has a [`VerifiedBody`], and its [`Delivery`] in the
/// extensions. By itself it lets every repeat through: put a
/// [`DedupeLayer`](crate::DedupeLayer) beside it. Nothing below it is asked to be
/// ready, or called, before the verdict: a stalled forgery holds no permit of a
/// concurrency limit.
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
    config: Arc<Config>,
}

#[derive(Debug, Clone)]
struct Config {
    verifier: Verifier,
    limits: BodyLimits,
    clock: Arc<dyn Clock>,
}

impl VerifyLayer {
    /// Verifies with this verifier, bodies up to 1 MiB (1,048,576 bytes) that
    /// never stall for 5 s and take no more than 8 s.
    pub fn new(verifier: Verifier) -> Self {
        let config = Config {
            verifier,
            limits: BodyLimits {
                size: 1024 * 1024,
                stall: Duration::from_secs(5),
                total: Duration::from_secs(8),
            },
            clock: Arc::new(SystemClock),
        };
        Self { config: Arc::new(config) }
    }

    /// Sets the most bytes a body may have. What is longer is refused with 413,
    /// at the head if it says so.
    pub fn body_limit(self, bytes: usize) -> Self {
        self.with(|config| config.limits.size = bytes)
    }

    /// Sets how long a body may go without a byte before 408.
    pub fn stall_timeout(self, stall: Duration) -> Self {
        self.with(|config| config.limits.stall = stall)
    }

    /// Sets how long a body may take in all before 408. Keep it below the answer
    /// deadline, or slow bodies leave no time to the handler.
    pub fn body_timeout(self, total: Duration) -> Self {
        self.with(|config| config.limits.total = total)
    }

    /// Judges timestamps by this clock, for tests.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.with(|config| config.clock = Arc::new(clock))
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = VerifyService<S>;

    fn layer(&self, inner: S) -> VerifyService<S> {
        VerifyService { inner, config: Arc::clone(&self.config) }
    }
}

/// The service that [`VerifyLayer`] makes.
#[derive(Debug, Clone)]
pub struct VerifyService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S, B, R> Service<Request<B>> for VerifyService<S>
where
    S: Service<Request<VerifiedBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let received = Instant::now();
        let config = Arc::clone(&self.config);
        let inner = self.inner.clone();
        Box::pin(async move {
            match config.verify(request, received).await {
                Ok(verified) => Ok(forward(inner, verified).await?.map(ResponseBody::handler)),
                Err(rejection) => {
                    trace::rejection(&rejection, None);
                    Ok(rejection.to_response())
                }
            }
        })
    }
}

impl Config {
    /// The order of judgement: signature header, head, body, MAC, time, id.
    async fn verify<B: Body>(
        &self,
        request: Request<B>,
        received: Instant,
    ) -> Result<Request<VerifiedBody>, Rejection> {
        let (mut parts, body) = request.into_parts();
        if parts.extensions.get::<Delivery>().is_some() {
            return Err(Rejection::TwoVerifyLayers);
        }
        let mut verification = self.verifier.begin(lines(&parts.headers, &SIGNATURE))?;
        self.limits.judge_head(&parts.headers, &body)?;
        let body = self.limits.read(body, &mut verification).await?;
        let verified = verification.finish(self.clock.unix_seconds())?;
        let id = DeliveryId::from_lines(lines(&parts.headers, &DELIVERY))?;

        let event = event_header(lines(&parts.headers, &EVENT));
        let delivery = Delivery::new(id, event, verified, body, received);
        trace::verified(&delivery);
        parts.extensions.insert(delivery.clone());
        Ok(Request::from_parts(parts, VerifiedBody::new(delivery)))
    }
}

/// Makes the service ready, then calls it: only now is a permit taken.
pub(super) async fn forward<S, Q>(mut service: S, request: Q) -> Result<S::Response, S::Error>
where
    S: Service<Q>,
{
    poll_fn(|context| service.poll_ready(context)).await?;
    service.call(request).await
}

const SIGNATURE: HeaderName = HeaderName::from_static(crate::SIGNATURE_HEADER);
const EVENT: HeaderName = HeaderName::from_static(crate::EVENT_HEADER);
pub(super) const DELIVERY: HeaderName = HeaderName::from_static(crate::DELIVERY_HEADER);

fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(http::HeaderValue::as_bytes)
}
