//! Responses to handshakes, with the types of the `http` crate.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tower::Service;

use crate::handshake::{HEADERS, HandshakeError, MetaHandshake};

/// Answers a GET, and responds 405 to other methods. It does not read the body.
impl<B> Service<Request<B>> for MetaHandshake {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.respond(request.method().as_str(), request.uri().query());
        ready(Ok(answer.map_or_else(rejected, answered)))
    }
}

/// The response that sends a challenge back.
pub(super) fn answered<B>(challenge: B) -> Response<B> {
    let mut response = Response::new(challenge);
    for (name, value) in HEADERS {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        response.headers_mut().insert(name, value);
    }
    response
}

fn rejected(error: HandshakeError) -> Response<String> {
    let mut response = answered(error.body_text().to_owned());
    if let Ok(status) = StatusCode::from_u16(error.status()) {
        *response.status_mut() = status;
    }
    if let Some((name, value)) = error.header() {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        response.headers_mut().insert(name, value);
    }
    response.extensions_mut().insert(error);
    response
}
