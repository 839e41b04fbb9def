use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::HeaderValue;
use actix_web::{Error, HttpMessage};

use super::RejectionBody;
use super::rejection_response::reject;
use crate::Rejection;
use crate::source::SourceLayer;

impl<S, B> Transform<S, ServiceRequest> for SourceLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B, RejectionBody>>;
    type Error = Error;
    type Transform = SourceMiddlewareService<S>;
    type InitError = ();
    type Future = Ready<Result<SourceMiddlewareService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(SourceMiddlewareService { inner, layer: self.clone() }))
    }
}

/// The service that [`SourceLayer`] creates in actix-web.
#[derive(Debug)]
pub struct SourceMiddlewareService<S> {
    inner: S,
    layer: SourceLayer,
}

impl<S, B> Service<ServiceRequest> for SourceMiddlewareService<S>
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
        match checked(&self.layer, &request) {
            Ok(()) => {
                let response = self.inner.call(request);
                Box::pin(async move { Ok(response.await?.map_into_left_body()) })
            }
            Err(rejection) => {
                let unread = Some(request.take_payload());
                let response = reject(request, rejection, None, unread, &self.layer.respond);
                Box::pin(ready(Ok(response)))
            }
        }
    }
}

fn checked(layer: &SourceLayer, request: &ServiceRequest) -> Result<(), Rejection> {
    // The middleware that the response passes next reports this one.
    if request.extensions().contains::<crate::Delivery>() {
        return Err(Rejection::LateSourceLayer);
    }
    #[cfg(feature = "schemes")]
    if request.extensions().contains::<crate::token::TokenDelivery>() {
        return Err(Rejection::LateSourceLayer);
    }
    let peer = request.peer_addr().map(|peer| peer.ip());
    let lines_of = |name| request.headers().get_all(name).map(HeaderValue::as_bytes);
    layer.check(peer, lines_of)
}
