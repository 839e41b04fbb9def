use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage};
use tokio::time::Instant;

use super::RejectionBody;
use super::handled::respond;
use crate::extract::RequestContext;
use crate::observe::Span;
use crate::receive::{Checks, NotForwarded};
use crate::worker_thread::is_worker_thread;
use crate::{DedupeLayer, Delivery, Rejection, VerifyLayer};

/// The two layers as one middleware of actix-web.
///
/// Give it to `wrap` on a `Route`, so that other methods of the resource are not affected, or on a
/// `Resource`, a `Scope` or an `App`.
///
/// Every extractor of actix-web works behind the middleware and reads the verified bytes. So do
/// [`Delivery`], `Event` and `Batch`. Limits of extractors still apply: `web::Bytes` takes 256 KiB
/// unless a `PayloadConfig` says otherwise. If the same signed bytes arrived earlier under a
/// different id, [`Delivery::id`] returns the first id; the request header keeps the one that was
/// sent.
///
/// # Rejections
///
/// A rejection is a response with a [`Rejection`] as its error. Once the request is known to be
/// genuine, the response's extensions contain the [`DeliveryId`](crate::DeliveryId).
///
/// Two rejections are an `Err` in place of a response: a handler panicked, or it did not finish by
/// the response deadline. In both cases the handler owns the request, and a response of actix-web
/// needs the request. Middleware that looks only at responses does not see these two.
///
/// If an outer middleware replaces the body of a rejection, the unread part of the request's body is
/// dropped. actix-web then reads a chunked request body to its end, without a timer.
///
/// # One store for all workers
///
/// **Create the layers before the server, and move clones of them into its closure.** A store that
/// is created inside the closure of `HttpServer::new` would exist once per worker, and each worker
/// would handle the same delivery again.
///
/// ```no_run
/// use actix_web::{App, HttpResponse, HttpServer, web};
/// use nevent_webhooks::store::MemoryStore;
/// use nevent_webhooks::{DedupeLayer, Delivery, Secret, Verifier, VerifyLayer, WebhookMiddleware};
///
/// async fn handle(delivery: Delivery) -> HttpResponse {
///     println!("{}", delivery.id());
///     HttpResponse::Ok().finish()
/// }
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
/// let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
/// HttpServer::new(move || {
///     let webhook = web::post().to(handle).wrap(WebhookMiddleware::new(&verify, &dedupe));
///     App::new().service(web::resource("/webhooks/nevent").route(webhook))
/// })
/// .bind("127.0.0.1:3000")?
/// .run()
/// .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct WebhookMiddleware {
    pub(super) proof: Asked,
    pub(super) dedupe: DedupeLayer,
}

/// What the middleware asks of a request.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Signature(Arc<Checks>),
    #[cfg(feature = "schemes")]
    Token(Arc<Checks<crate::credential::Tokens>>),
}

impl Asked {
    fn span(&self, request: &ServiceRequest) -> Span {
        match self {
            Self::Signature(checks) => checks.span(request),
            #[cfg(feature = "schemes")]
            Self::Token(checks) => checks.span(request),
        }
    }
}

impl WebhookMiddleware {
    /// Creates the middleware, which verifies first and then deduplicates.
    ///
    /// # Panics
    ///
    /// If a worker of an `HttpServer` calls it with a layer whose store is in memory and was created
    /// by that worker. Each worker would have its own store.
    #[track_caller]
    pub fn new(verify: &VerifyLayer, dedupe: &DedupeLayer) -> Self {
        check_store(dedupe);
        Self { proof: Asked::Signature(Arc::clone(&verify.checks)), dedupe: dedupe.clone() }
    }
}

/// # Panics
///
/// If each worker would have its own store.
#[track_caller]
pub(super) fn check_store(dedupe: &DedupeLayer) {
    assert!(
        !(is_worker_thread() && dedupe.dedupe.store_is_in_memory_of_this_thread()),
        "this MemoryStore was made by a worker of the server, inside the closure of \
         HttpServer::new, so each worker would have its own store: create the layers before the \
         server, and move clones of them into the closure"
    );
}

impl<S, B> Transform<S, ServiceRequest> for WebhookMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, RejectionBody>>;
    type Error = Error;
    type Transform = WebhookService<S>;
    type InitError = ();
    type Future = Ready<Result<WebhookService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(WebhookService { inner: Rc::new(inner), middleware: self.clone() }))
    }
}

/// The service that [`WebhookMiddleware`] creates.
#[derive(Debug)]
pub struct WebhookService<S> {
    inner: Rc<S>,
    middleware: WebhookMiddleware,
}

impl<S, B> Service<ServiceRequest> for WebhookService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, RejectionBody>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let received = Instant::now();
        let inner = Rc::clone(&self.inner);
        let WebhookMiddleware { proof, dedupe } = self.middleware.clone();
        let span = proof.span(&request);
        Box::pin(span.wrap(async move {
            let mut body = request.take_payload();
            match proof {
                Asked::Signature(checks) => {
                    let verified = verified(&checks, &request, &mut body, received).await;
                    let context = RequestContext::new(&checks);
                    let add = |request: &ServiceRequest, claimed| {
                        request.extensions_mut().insert(context.with_claimed(claimed));
                    };
                    respond(&checks, &dedupe.dedupe, inner, (request, body), verified, add).await
                }
                #[cfg(feature = "schemes")]
                Asked::Token(checks) => {
                    let accepted =
                        super::token::accepted(&checks, &request, &mut body, received).await;
                    // The extractors for events and batches need a signature.
                    let add = |_: &ServiceRequest, _| {};
                    respond(&checks, &dedupe.dedupe, inner, (request, body), accepted, add).await
                }
            }
        }))
    }
}

async fn verified(
    verify: &Checks,
    request: &ServiceRequest,
    body: &mut Payload,
    received: Instant,
) -> Result<Delivery, NotForwarded> {
    if request.extensions().get::<Delivery>().is_some() {
        return Err(Rejection::TwoVerifyLayers.into());
    }
    verify.verify(request, Pin::new(body), received).await
}
