use std::fmt;
use std::mem::replace;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::request::Parts;
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
        let (parts, body) = request.into_parts();
        let delivery = body.into_delivery();
        let inner = self.inner.clone();
        let id = delivery.accepted().id().clone();
        let work = handle_once(&self.layer.dedupe, delivery, forward((inner, parts)), end_of);
        DedupeFuture { work, dedupe: Arc::clone(&self.layer.dedupe), id }
    }
}

/// The handler that gets the delivery as it was claimed, and forwards the request.
fn forward<S: Service<Request<B>>, B: ProvenBody>(
    (inner, parts): (S, Parts),
) -> impl FnOnce(B::Delivery, Claimed) -> Forward<S, B> {
    |delivery, claimed| {
        let request = Some((parts, delivery, claimed));
        Forward::Waiting { inner, request }
    }
}

pin_project! {
    /// Waits until the inner service is ready, then calls it with the delivery as it was claimed.
    #[project = Forwarding]
    enum Forward<S: Service<Request<B>>, B: ProvenBody> {
        Waiting { inner: S, request: Option<(Parts, B::Delivery, Claimed)> },
        Calling { #[pin] response: S::Future },
    }
}

impl<S: Service<Request<B>>, B: ProvenBody> Future for Forward<S, B> {
    type Output = Result<Result<S::Response, S::Error>, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let response = match self.as_mut().project() {
                Forwarding::Calling { response } => return response.poll(context).map(Ok),
                Forwarding::Waiting { inner, request } => {
                    if let Err(error) = ready!(inner.poll_ready(context)) {
                        return Poll::Ready(Ok(Err(error)));
                    }
                    // `None` if the future is polled again after it has ended.
                    let Some((parts, delivery, claimed)) = request.take() else {
                        return Poll::Pending;
                    };
                    // An inner concurrency limit may have delayed the handler, or blocked the thread.
                    claimed.may_start()?;
                    inner.call(with_delivery(parts, delivery, claimed))
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
    mut parts: Parts,
    delivery: B::Delivery,
    claimed: Claimed,
) -> Request<B> {
    // In place of the one from above: an insertion would allocate.
    let above = match parts.extensions.get_mut::<B::Delivery>() {
        Some(above) => Some(replace(above, delivery.clone())),
        None => parts.extensions.insert(delivery.clone()),
    };
    let id = delivery.accepted().id();
    if above.is_none_or(|above| above.accepted().id() != id)
        && let IdSource::Header(name) = delivery.accepted().id_source()
        && let (Ok(name), Ok(id)) = (HeaderName::try_from(name), HeaderValue::from_str(id.as_str()))
    {
        parts.headers.insert(name, id);
    }
    // The extractors for events and batches need a signature: a token's request has no context.
    if let Some(context) = parts.extensions.get_mut::<RequestContext>() {
        context.claimed = Some(claimed);
    }
    Request::from_parts(parts, B::of(delivery))
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

#[cfg(all(test, feature = "axum", feature = "memory"))]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready as done};
    use std::time::Duration;

    use axum::body::Body;
    use axum::routing::Route;

    use super::*;
    use crate::dedupe::size_of_work;
    use crate::store::MemoryStore;
    use crate::testing::SignedDelivery;
    use crate::{DedupeOptions, Incident, Secret, VerifiedBody, Verifier, VerifyLayer};

    /// glibc serves allocations of up to 1,032 bytes from its thread cache. Others cost several times
    /// as much.
    #[test]
    fn the_boxed_work_stays_small_with_a_route_of_axum() {
        let size = size_of_work(forward::<Route, VerifiedBody>);
        assert!(size <= 1032, "{size} bytes");
    }

    /// A service that blocks its thread before it is ready. It must not be called.
    #[derive(Clone)]
    struct Blocking;

    impl Service<Request<VerifiedBody>> for Blocking {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Ready<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            std::thread::sleep(Duration::from_millis(400));
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<VerifiedBody>) -> Self::Future {
            done(Ok(Response::default()))
        }
    }

    #[tokio::test]
    async fn a_service_that_blocks_for_longer_than_the_lease_is_not_called() {
        let millis = Duration::from_millis;
        let options = DedupeOptions::new().lease(millis(300)).response_deadline(millis(100));
        let options = options.store_timeout(millis(50));
        let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), options).unwrap();
        let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").unwrap();
        let mut request = Request::post("/");
        for (name, value) in SignedDelivery::new(&secret, "d-1", "{}").headers() {
            request = request.header(name, value);
        }
        let request = request.body(Body::from("{}")).unwrap();
        let verify = VerifyLayer::new(Verifier::new(secret));
        let response = (verify, dedupe.clone()).layer(Blocking).call(request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), dedupe.incidents(Incident::ClaimedTooLate)),
            (503, 1)
        );
    }
}
