use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Request, Response};
use tower::{Layer, Service};

use super::response::ResponseBody;
use super::verified_body::{ProvenBody, VerifiedBody};
use super::verify::{DELIVERY, forward};
use crate::dedupe::{Attached, Dedupe, DedupeOptions, Incident, OptionsError, handle_once};
use crate::store::Store;
use crate::{Delivery, DeliveryId, Rejection, trace};

/// Runs the handler once per delivery, and answers repeats itself.
///
/// A handler that answers 2xx has done the delivery; any other status, an error
/// or a panic releases it for a retry. A client that hangs up does not stop the
/// handler. Clones share everything; use one per endpoint, with a scope of its
/// own, and share the store between them in an [`Arc`].
///
/// It takes only requests that [`VerifyLayer`](crate::VerifyLayer) let through:
/// put both on a route in one call, `post(handler).route_layer((verify, dedupe))`.
///
/// A response with a [`Rejection`] in its extensions, its own or an extractor's,
/// has the [`DeliveryId`] there too, as it was sent.
///
/// A handler that blocks its thread is outside its reach: it is not answered for
/// at the deadline nor dropped after its longest run. Use
/// `tokio::task::spawn_blocking` for blocking work.
///
/// ```
/// use nevent_webhooks::{DedupeLayer, store::MemoryStore};
///
/// let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
/// assert!(DedupeLayer::new("", MemoryStore::new()).is_err());
/// # Ok::<(), nevent_webhooks::OptionsError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct DedupeLayer {
    dedupe: Arc<Dedupe>,
}

impl DedupeLayer {
    /// Deduplicates within a scope of a store, with the default options.
    ///
    /// # Errors
    ///
    /// A scope that is empty, or has braces or control characters in it.
    pub fn new(scope: &str, store: impl Store) -> Result<Self, OptionsError> {
        Self::with_options(scope, store, DedupeOptions::new())
    }

    /// Deduplicates with options of your own.
    ///
    /// # Errors
    ///
    /// As [`DedupeLayer::new`], and what is dangerous among the options.
    pub fn with_options(
        scope: &str,
        store: impl Store,
        options: DedupeOptions,
    ) -> Result<Self, OptionsError> {
        let dedupe = Arc::new(Dedupe::new(scope, store, options)?);
        Ok(Self { dedupe })
    }

    /// Waits until no handler is at work, those included whose client has gone.
    /// For shutdown, once no more requests are taken.
    pub async fn wait_idle(&self) {
        self.dedupe.wait_idle().await;
    }

    /// How often this has happened since the layer was made.
    #[must_use]
    pub fn incidents(&self, incident: Incident) -> u64 {
        self.dedupe.incidents(incident)
    }
}

impl<S> Layer<S> for DedupeLayer {
    type Service = DedupeService<S>;

    fn layer(&self, inner: S) -> DedupeService<S> {
        DedupeService { inner, dedupe: Arc::clone(&self.dedupe) }
    }
}

/// The service that [`DedupeLayer`] makes.
#[derive(Debug, Clone)]
pub struct DedupeService<S> {
    inner: S,
    dedupe: Arc<Dedupe>,
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
        let inner = self.inner.clone();
        let handler = move |delivery| forward(inner, with_delivery(request, delivery));
        let id = delivery.id().clone();
        let attached = handle_once(&self.dedupe, delivery, handler, is_success);
        DedupeFuture { attached, id }
    }
}

fn is_success<R, E>(result: &Result<Response<R>, E>) -> bool {
    result.as_ref().is_ok_and(|response| response.status().is_success())
}

/// Shows the handler the id under which the delivery was first seen, wherever
/// it looks.
fn with_delivery(mut request: Request<VerifiedBody>, delivery: Delivery) -> Request<VerifiedBody> {
    if request.body().delivery().id() == delivery.id() {
        return request;
    }
    if let Ok(id) = HeaderValue::from_str(delivery.id().as_str()) {
        request.headers_mut().insert(DELIVERY, id);
    }
    request.extensions_mut().insert(delivery.clone());
    request.map(|_| VerifiedBody::new(delivery))
}

/// The response of [`DedupeService`]. Dropped unfinished, it goes on in a task of
/// its own.
#[must_use = "futures do nothing unless polled"]
pub struct DedupeFuture<R: Send + 'static, E: Send + 'static> {
    attached: Attached<Result<Response<R>, E>>,
    id: DeliveryId,
}

impl<R: Send + 'static, E: Send + 'static> Future for DedupeFuture<R, E> {
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.attached).poll(context));
        let mut response = match result {
            Ok(handled) => handled?.map(ResponseBody::handler),
            Err(rejection) => {
                trace::rejection(&rejection, Some(&self.id));
                rejection.to_response()
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
