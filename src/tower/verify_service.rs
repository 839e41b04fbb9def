use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use http_body::Body;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::http_request::HttpFrames;
use super::response_body::{ResponseBody, respond};
use super::verified_body::VerifiedBody;
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
        let inner = self.inner.clone();
        Box::pin(async move {
            match verify(&checks, request, received).await {
                Ok(verified) => {
                    let delivery = verified.body().delivery().clone();
                    let mut response = forward(inner, verified).await?;
                    if delivery.terms().counts_as_failure(response.status().as_u16()) {
                        *response.status_mut() = StatusCode::OK;
                    }
                    // A rejection with a delivery id in the extensions was observed by a
                    // `DedupeLayer` already.
                    if let Some(rejection) = response.extensions().get::<Rejection>()
                        && response.extensions().get::<DeliveryId>().is_none()
                    {
                        checks.observe(Outcome::Rejected { rejection }, Some(&delivery));
                    }
                    Ok(response.map(ResponseBody::handler))
                }
                Err(NotForwarded::Rejected(rejection)) => {
                    checks.observe(Outcome::Rejected { rejection: &rejection }, None);
                    Ok(respond(&rejection, &checks.respond))
                }
                #[cfg(feature = "schemes")]
                Err(NotForwarded::Handshake { challenge }) => {
                    Ok(super::handshake::answered(ResponseBody::layer(challenge.into())))
                }
            }
        })
    }
}

async fn verify<B>(
    checks: &Arc<Checks>,
    request: Request<B>,
    received: Instant,
) -> Result<Request<VerifiedBody>, NotForwarded>
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let (mut parts, body) = request.into_parts();
    if parts.extensions.get::<Delivery>().is_some() {
        return Err(Rejection::TwoVerifyLayers.into());
    }
    let delivery = checks.verify(&parts, HttpFrames::new(body), received).await?;
    parts.extensions.insert(delivery.clone());
    parts.extensions.insert(RequestContext::new(checks));
    Ok(Request::from_parts(parts, VerifiedBody::new(delivery)))
}

/// Waits until the service is ready, then calls it. Only now may a concurrency limit take a permit.
async fn forward<S, Q>(mut service: S, request: Q) -> Result<S::Response, S::Error>
where
    S: Service<Q>,
{
    ready(&mut service).await?;
    service.call(request).await
}

pub(super) async fn ready<S: Service<Q>, Q>(service: &mut S) -> Result<(), S::Error> {
    poll_fn(|context| service.poll_ready(context)).await
}
