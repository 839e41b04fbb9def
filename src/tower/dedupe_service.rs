use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Request, Response};
use tower::{Layer, Service};

use super::http_request::DELIVERY;
use super::response_body::{ResponseBody, respond};
use super::verified_body::{ProvenBody, VerifiedBody};
use super::verify_service::ready;
use crate::dedupe::{InRequest, Start, Work, handle_once};
use crate::observe::log;
use crate::rejection::Respond;
use crate::{DedupeLayer, Delivery, DeliveryId, Rejection};

impl<S> Layer<S> for DedupeLayer {
    type Service = DedupeService<S>;

    fn layer(&self, inner: S) -> DedupeService<S> {
        DedupeService { inner, layer: self.clone() }
    }
}

/// The service that [`DedupeLayer`] makes.
#[derive(Debug, Clone)]
pub struct DedupeService<S> {
    inner: S,
    layer: DedupeLayer,
}

impl<S, B, R> Service<Request<B>> for DedupeService<S>
where
    B: ProvenBody,
    S: Service<Request<VerifiedBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = DedupeFuture<R, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let request = request.map(ProvenBody::into_verified);
        let delivery = request.body().delivery().clone();
        let mut inner = self.inner.clone();
        let handler = move |delivery, start: Start| async move {
            let request = with_delivery(request, delivery);
            if let Err(error) = ready(&mut inner).await {
                return Ok(Err(error));
            }
            // A layer that limits handlers may have kept it waiting.
            start.now()?;
            Ok(inner.call(request).await)
        };
        let id = delivery.id().clone();
        let attached = handle_once(&self.layer.dedupe, delivery, handler, is_success);
        let respond = self.layer.dedupe.respond().clone();
        DedupeFuture { attached, id, respond }
    }
}

fn is_success<R, E>(result: &Result<Response<R>, E>) -> bool {
    result.as_ref().is_ok_and(|response| response.status().is_success())
}

/// Shows the handler the delivery as it was claimed, and the id under which it was
/// first seen, wherever it looks.
fn with_delivery(mut request: Request<VerifiedBody>, delivery: Delivery) -> Request<VerifiedBody> {
    if request.body().delivery().id() != delivery.id()
        && let Ok(id) = HeaderValue::from_str(delivery.id().as_str())
    {
        request.headers_mut().insert(DELIVERY, id);
    }
    request.extensions_mut().insert(delivery.clone());
    request.map(|_| VerifiedBody::new(delivery))
}

/// The response of [`DedupeService`]. Dropped unfinished, it goes on in a task of
/// its own.
#[must_use = "futures do nothing unless polled"]
pub struct DedupeFuture<R: Send + 'static, E: Send + 'static> {
    attached: InRequest<Work<Result<Response<R>, E>>>,
    id: DeliveryId,
    respond: Respond,
}

impl<R: Send + 'static, E: Send + 'static> Future for DedupeFuture<R, E> {
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.attached).poll(context));
        let mut response = match result {
            Ok(handled) => {
                let response = handled?;
                log::handlers_rejection(response.extensions().get(), Some(&self.id));
                response.map(ResponseBody::handler)
            }
            Err(rejection) => {
                log::rejection(&rejection, Some(&self.id));
                respond(&rejection, &self.respond)
            }
        };
        if response.extensions().get::<Rejection>().is_some() {
            response.extensions_mut().insert(self.id.clone());
        }
        Poll::Ready(Ok(response))
    }
}

impl<R: Send + 'static, E: Send + 'static> fmt::Debug for DedupeFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DedupeFuture").finish_non_exhaustive()
    }
}
