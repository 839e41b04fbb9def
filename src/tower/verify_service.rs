use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use http_body::Body;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::http_request::HttpFrames;
use super::response_body::{ResponseBody, respond};
use super::verified_body::VerifiedBody;
use crate::delivery::AnyDelivery;
use crate::extract::RequestContext;
use crate::observe::Outcome;
use crate::receive::{Checks, NotForwarded};
use crate::{Delivery, DeliveryId, Rejection, VerifyLayer};

impl<S> Layer<S> for VerifyLayer {
    type Service = VerifyService<S>;

    fn layer(&self, inner: S) -> VerifyService<S> {
        VerifyService { inner, checks: Arc::clone(&self.checks) }
    }
}

/// The service that [`VerifyLayer`] creates.
#[derive(Debug, Clone)]
pub struct VerifyService<S> {
    inner: S,
    checks: Arc<Checks>,
}

impl<S, B, R> Service<Request<B>> for VerifyService<S>
where
    S: Service<Request<VerifiedBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
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
        let checks = Arc::clone(&self.checks);
        let mut inner = self.inner.clone();
        let (mut parts, body) = request.into_parts();
        let span = checks.span(&parts);
        // One future, which lends what it holds: an `async fn` would hold its arguments twice.
        Box::pin(span.wrap(async move {
            if parts.extensions.get::<Delivery>().is_some() {
                return Ok(not_forwarded(&checks, Rejection::TwoVerifyLayers.into()));
            }
            let verified = {
                let body = pin!(HttpFrames::new(body));
                checks.verify(&parts, body, received).await
            };
            let delivery = match verified {
                Ok(delivery) => delivery,
                Err(reason) => return Ok(not_forwarded(&checks, reason)),
            };
            parts.extensions.insert(delivery.clone());
            parts.extensions.insert(RequestContext::new(&checks));
            // Only now may a concurrency limit take a permit.
            ready(&mut inner).await?;
            let request = Request::from_parts(parts, VerifiedBody::new(delivery.clone()));
            let response = inner.call(request).await?;
            Ok(forwarded(&checks, &delivery, response))
        }))
    }
}

/// The response to a request that was not forwarded.
pub(super) fn not_forwarded<V, R>(
    checks: &Checks<V>,
    reason: NotForwarded,
) -> Response<ResponseBody<R>> {
    match reason {
        NotForwarded::Rejected(rejection) => {
            checks.rejected(&rejection);
            respond(&rejection, &checks.respond)
        }
        #[cfg(feature = "schemes")]
        NotForwarded::Handshake { challenge } => {
            super::handshake::answered(ResponseBody::layer(challenge.into()))
        }
    }
}

/// The response of the inner service, with the status that the sender expects.
pub(super) fn forwarded<V, R>(
    checks: &Checks<V>,
    delivery: &impl AnyDelivery,
    mut response: Response<R>,
) -> Response<ResponseBody<R>> {
    if delivery.accepted().terms().counts_as_failure(response.status().as_u16()) {
        *response.status_mut() = StatusCode::OK;
    }
    // A rejection with a delivery id in the extensions was observed by a `DedupeLayer` already.
    if let Some(rejection) = response.extensions().get::<Rejection>()
        && response.extensions().get::<DeliveryId>().is_none()
    {
        checks.observe(Outcome::Rejected { rejection }, Some(delivery));
    }
    response.map(ResponseBody::handler)
}

/// Waits until the service can take a request.
pub(super) async fn ready<S: Service<Q>, Q>(service: &mut S) -> Result<(), S::Error> {
    poll_fn(|context| service.poll_ready(context)).await
}
