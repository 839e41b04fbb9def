use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::http_request::HttpFrames;
use super::response_body::ResponseBody;
use super::token_body::TokenBody;
use super::verified_body::Proven;
use super::verify_service::{forwarded, not_forwarded, ready};
use crate::credential::{TokenDelivery, Tokens};
use crate::receive::{Checks, TokenLayer};
use crate::{Delivery, Rejection};

impl<S> Layer<S> for TokenLayer {
    type Service = TokenService<S>;

    fn layer(&self, inner: S) -> TokenService<S> {
        TokenService { inner, checks: Arc::clone(&self.checks) }
    }
}

/// The service that [`TokenLayer`] creates.
#[derive(Debug, Clone)]
pub struct TokenService<S> {
    inner: S,
    checks: Arc<Checks<Tokens>>,
}

impl<S, B, R> Service<Request<B>> for TokenService<S>
where
    S: Service<Request<TokenBody>, Response = Response<R>> + Clone + Send + 'static,
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
        // One future, for the reason that is given in `VerifyService`.
        Box::pin(span.wrap(async move {
            let seen = &parts.extensions;
            if seen.get::<TokenDelivery>().is_some() || seen.get::<Delivery>().is_some() {
                return Ok(not_forwarded(&checks, Rejection::TwoTokenLayers.into()));
            }
            let accepted = {
                let body = pin!(HttpFrames::new(body));
                checks.accept(&parts, body, received).await
            };
            let delivery = match accepted {
                Ok(delivery) => delivery,
                Err(rejection) => return Ok(not_forwarded(&checks, rejection.into())),
            };
            parts.extensions.insert(delivery.clone());
            ready(&mut inner).await?;
            let request = Request::from_parts(parts, TokenBody::of(delivery.clone()));
            let response = inner.call(request).await?;
            Ok(forwarded(&checks, &delivery, response))
        }))
    }
}
