use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{Either, MapOk, TryFutureExt};
use http::{HeaderValue, Request, Response};
use tower::{Layer, Service};

use super::response_body::{ResponseBody, respond};
use crate::Rejection;
use crate::source::SourceLayer;

impl<S> Layer<S> for SourceLayer {
    type Service = SourceService<S>;

    fn layer(&self, inner: S) -> SourceService<S> {
        SourceService { inner, layer: Arc::new(self.clone()) }
    }
}

/// The service that [`SourceLayer`] creates in Tower.
#[derive(Debug, Clone)]
pub struct SourceService<S> {
    inner: S,
    layer: Arc<SourceLayer>,
}

type Forwarded<R> = fn(Response<R>) -> Response<ResponseBody<R>>;

impl<S, B, R> Service<Request<B>> for SourceService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, MapOk<S::Future, Forwarded<R>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match checked(&self.layer, &request) {
            Ok(()) => {
                let forwarded: Forwarded<R> = |response| response.map(ResponseBody::handler);
                Either::Right(self.inner.call(request).map_ok(forwarded))
            }
            // The body is dropped unread. hyper then closes the connection, or in HTTP/2 the stream.
            Err(rejection) => Either::Left(ready(Ok(respond(&rejection, &self.layer.respond)))),
        }
    }
}

fn checked<B>(layer: &SourceLayer, request: &Request<B>) -> Result<(), Rejection> {
    let extensions = request.extensions();
    // The layers that the response passes next report this one.
    if extensions.get::<crate::Delivery>().is_some() {
        return Err(Rejection::LateSourceLayer);
    }
    #[cfg(feature = "schemes")]
    if extensions.get::<crate::token::TokenDelivery>().is_some() {
        return Err(Rejection::LateSourceLayer);
    }
    let headers = request.headers();
    let lines_of = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    layer.check(layer.peer_of(extensions), lines_of)
}
