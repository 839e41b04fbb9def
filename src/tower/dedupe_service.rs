use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderName, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::response_body::{ResponseBody, respond};
use super::verified_body::ProvenBody;
use crate::dedupe::{Claimed, Dedupe, HandlerEnd, InRequest, Work, handle_once};
use crate::delivery::AnyDelivery;
use crate::extract::RequestContext;
use crate::scheme::IdSource;
use crate::{DedupeLayer, DeliveryId, Rejection};

impl<S> Layer<S> for DedupeLayer {
    type Service = DedupeService<S>;

    fn layer(&self, inner: S) -> DedupeService<S> {
        DedupeService { inner, layer: self.clone() }
    }
}

/// The service that [`DedupeLayer`] creates.
#[derive(Debug, Clone)]
pub struct DedupeService<S> {
    inner: S,
    layer: DedupeLayer,
}

impl<S, B, R> Service<Request<B>> for DedupeService<S>
where
    B: ProvenBody,
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
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
        let delivery = request.body().delivery().clone();
        let inner = self.inner.clone();
        let id = delivery.accepted().id().clone();
        let work = handle_once(&self.layer.dedupe, delivery, forward((inner, request)), end_of);
        DedupeFuture { work, dedupe: Arc::clone(&self.layer.dedupe), id }
    }
}

/// The handler that gets the delivery as it was claimed, and forwards the request.
fn forward<S: Service<Request<B>>, B: ProvenBody>(
    (inner, request): (S, Request<B>),
) -> impl FnOnce(B::Delivery, Claimed) -> Forward<S, B> {
    |delivery, claimed| {
        let request = Some((request, delivery, claimed));
        Forward::Waiting { inner, request, has_waited: false }
    }
}

pin_project! {
    /// Waits until the inner service is ready, then calls it with the delivery as it was claimed.
    #[project = Forwarding]
    enum Forward<S: Service<Request<B>>, B: ProvenBody> {
        Waiting { inner: S, request: Option<(Request<B>, B::Delivery, Claimed)>, has_waited: bool },
        Calling { #[pin] response: S::Future },
    }
}

impl<S: Service<Request<B>>, B: ProvenBody> Future for Forward<S, B> {
    type Output = Result<Result<S::Response, S::Error>, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let response = match self.as_mut().project() {
                Forwarding::Calling { response } => return response.poll(context).map(Ok),
                Forwarding::Waiting { inner, request, has_waited } => {
                    let Poll::Ready(is_ready) = inner.poll_ready(context) else {
                        *has_waited = true;
                        return Poll::Pending;
                    };
                    if let Err(error) = is_ready {
                        return Poll::Ready(Ok(Err(error)));
                    }
                    // `None` if the future is polled again after it has ended.
                    let Some((request, delivery, claimed)) = request.take() else {
                        return Poll::Pending;
                    };
                    // An inner concurrency limit may have delayed the handler.
                    if *has_waited {
                        claimed.may_start()?;
                    }
                    inner.call(with_delivery(request, delivery, claimed))
                }
            };
            self.set(Self::Calling { response });
        }
    }
}

fn end_of<R, E>(result: &Result<Response<R>, E>) -> HandlerEnd<'_> {
    match result {
        Ok(response) => {
            HandlerEnd::of_response(response.status().as_u16(), response.extensions().get())
        }
        Err(_) => HandlerEnd::Failed { status: None, error: None, rejection: None },
    }
}

/// The request with the delivery as it was claimed. The header, the extensions and the body all
/// carry the claimed id, which for a replay is the first id.
fn with_delivery<B: ProvenBody>(
    mut request: Request<B>,
    delivery: B::Delivery,
    claimed: Claimed,
) -> Request<B> {
    let id = delivery.accepted().id();
    if request.body().delivery().accepted().id() != id
        && let IdSource::Header(name) = delivery.accepted().id_source()
        && let (Ok(name), Ok(id)) = (HeaderName::try_from(name), HeaderValue::from_str(id.as_str()))
    {
        request.headers_mut().insert(name, id);
    }
    let extensions = request.extensions_mut();
    // In place of the one from above: an insertion would allocate.
    match extensions.get_mut::<B::Delivery>() {
        Some(verified) => *verified = delivery.clone(),
        None => drop(extensions.insert(delivery.clone())),
    }
    // The extractors for events and batches need a signature: a token's request has no context.
    if let Some(context) = extensions.get_mut::<RequestContext>() {
        context.claimed = Some(claimed);
    }
    *request.body_mut() = B::of(delivery);
    request
}

/// The future that [`DedupeService`] returns. If it is dropped unfinished, the handler continues in
/// the background.
#[must_use = "futures do nothing unless polled"]
pub struct DedupeFuture<R: Send + 'static, E: Send + 'static> {
    work: InRequest<Work<Result<Response<R>, E>>>,
    dedupe: Arc<Dedupe>,
    id: DeliveryId,
}

impl<R: Send + 'static, E: Send + 'static> Future for DedupeFuture<R, E> {
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.work).poll(context));
        let mut response = match result {
            Ok(handled) => handled?.map(ResponseBody::handler),
            Err(rejection) => respond(&rejection, self.dedupe.respond()),
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

#[cfg(all(test, feature = "axum"))]
mod tests {
    use axum::routing::Route;

    use super::*;
    use crate::VerifiedBody;
    use crate::dedupe::size_of_work;

    /// glibc serves allocations of up to 1,032 bytes from its thread cache. Others cost several times
    /// as much.
    #[test]
    fn the_boxed_work_stays_small_with_a_route_of_axum() {
        let size = size_of_work(forward::<Route, VerifiedBody>);
        assert!(size <= 1032, "{size} bytes");
    }
}
