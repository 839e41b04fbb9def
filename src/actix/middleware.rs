use std::cell::Cell;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage};
use tokio::time::Instant;

use super::rejection_response::{RejectionBody, into_error, reject, with_id};
use super::worker::is_worker;
use crate::dedupe::{Dedupe, HandlerEnd, handle_once_locally};
use crate::extract::RequestContext;
use crate::observe::Outcome;
use crate::receive::Checks;
use crate::{DedupeLayer, Delivery, Rejection, VerifyLayer};

/// The two layers as middleware of actix-web: for `wrap` on a `Route`, which leaves
/// other methods their own answers, or on a `Resource`, a `Scope` or an `App`.
///
/// What they refuse is a response with a [`Rejection`] as its error, and the
/// [`DeliveryId`](crate::DeliveryId) in its extensions once the request is known to be
/// genuine. A handler that is late or panics has taken the request with it: these two
/// are an `Err`, which actix answers, and which passes by middleware that looks at
/// responses only.
///
/// A middleware outside that replaces the body of a refusal drops what was not read of
/// the request, and actix reads on in a chunked one, with no timer.
///
/// Behind it every extractor of actix works, on the verified bytes, and [`Delivery`]
/// and `Event` beside. An extractor's own limit still holds: `web::Bytes` takes 256 KiB
/// unless a `PayloadConfig` says otherwise. Of signed bytes that came before under
/// another id, the `Delivery` has the first, and the header what was sent.
///
/// **Make the layers before the server, and clone them into its workers:** a store
/// made within the closure of `HttpServer::new` would be a store for each worker,
/// and each would handle its own share of the repeats.
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
    verify: Arc<Checks>,
    dedupe: DedupeLayer,
}

impl WebhookMiddleware {
    /// Verifies, then deduplicates.
    ///
    /// # Panics
    ///
    /// In a worker of an `HttpServer`, if the layer's store is in memory and was made in that
    /// very worker: each worker would have a memory of its own.
    #[track_caller]
    pub fn new(verify: &VerifyLayer, dedupe: &DedupeLayer) -> Self {
        assert!(
            !(is_worker() && dedupe.dedupe.store_is_in_memory_of_this_thread()),
            "this MemoryStore was made by a worker of the server, as all is within the closure of \
             HttpServer::new: each worker would have one of its own. Make the layers before the \
             server, and move clones of them into the closure"
        );
        Self { verify: Arc::clone(&verify.checks), dedupe: dedupe.clone() }
    }
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

/// The service that [`WebhookMiddleware`] makes.
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
        let WebhookMiddleware { verify, dedupe } = self.middleware.clone();
        Box::pin(async move {
            let mut body = request.take_payload();
            match verified(&verify, &request, &mut body, received).await {
                Ok(delivery) => handled(inner, (&verify, &dedupe.dedupe), request, delivery).await,
                Err(rejection) => {
                    verify.observe(Outcome::Rejected { rejection: &rejection }, None);
                    Ok(reject(request, rejection, None, Some(body), &verify.respond))
                }
            }
        })
    }
}

async fn verified(
    verify: &Checks,
    request: &ServiceRequest,
    body: &mut Payload,
    received: Instant,
) -> Result<Delivery, Rejection> {
    if request.extensions().get::<Delivery>().is_some() {
        return Err(Rejection::TwoVerifyLayers);
    }
    verify.verify(request, body, received).await
}

/// Runs the handler once. Without it the request is still here, and is answered; a
/// handler that panics or is late has it, and all there is left is an error.
async fn handled<S, B>(
    inner: Rc<S>,
    (verify, dedupe): (&Arc<Checks>, &Arc<Dedupe>),
    request: ServiceRequest,
    delivery: Delivery,
) -> Result<ServiceResponse<EitherBody<B, RejectionBody>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let observed = delivery.clone();
    let rejected = |rejection: &Rejection| {
        dedupe.observe(Outcome::Rejected { rejection }, &observed, None);
    };
    let id = Some(delivery.id().clone());
    let context = RequestContext::new(verify);
    let request = Rc::new(Cell::new(Some(request)));
    let waiting = Rc::clone(&request);
    let handler = async move |delivery, claimed| {
        // The claim took longer than the answer could wait, and was answered.
        let request = waiting.take().ok_or(Rejection::StillProcessing)?;
        Ok(inner.call(with_delivery(request, delivery, context.below(claimed))).await)
    };
    let rejection = match handle_once_locally(dedupe, delivery, handler, end_of).await {
        Ok(result) => {
            let rejection = match &result {
                Ok(response) => rejection_of(response),
                // Of an extractor in a middleware below, say.
                Err(error) => error.as_error(),
            };
            rejection.into_iter().for_each(rejected);
            return Ok(with_id(result?.map_into_left_body(), id));
        }
        Err(rejection) => rejection,
    };
    rejected(&rejection);
    match request.take() {
        Some(request) => Ok(reject(request, rejection, id, None, dedupe.respond())),
        None => Err(into_error(rejection, dedupe.respond())),
    }
}

/// The request with its body put back, and the delivery under the id it was first seen
/// with. (Its header stays as it was sent: actix panics at a change while a middleware
/// outside holds the request.)
fn with_delivery(
    mut request: ServiceRequest,
    delivery: Delivery,
    context: RequestContext,
) -> ServiceRequest {
    request.set_payload(Payload::from(delivery.body().clone()));
    request.extensions_mut().insert(delivery);
    request.extensions_mut().insert(context);
    request
}

fn end_of<B>(result: &Result<ServiceResponse<B>, Error>) -> HandlerEnd<'_> {
    match result {
        Ok(response) => HandlerEnd::of_response(response.status().as_u16(), rejection_of(response)),
        Err(error) => {
            let status = error.as_response_error().status_code().as_u16();
            HandlerEnd::of_error(status, error.as_error())
        }
    }
}

fn rejection_of<B>(response: &ServiceResponse<B>) -> Option<&Rejection> {
    response.response().error()?.as_error()
}
