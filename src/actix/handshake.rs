//! Responses to handshakes, with the types of actix-web.

use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{Handler, HttpRequest, HttpResponse, ResponseError};

use crate::handshake::{HEADERS, HandshakeError, MetaHandshake};

/// Answers a GET, and responds 405 to other methods. It does not read the body.
impl Handler<HttpRequest> for MetaHandshake {
    type Output = Result<HttpResponse, HandshakeError>;
    type Future = Ready<Self::Output>;

    fn call(&self, request: HttpRequest) -> Self::Future {
        let answer = self.respond(request.method().as_str(), request.uri().query());
        ready(answer.map(|challenge| response(StatusCode::OK, challenge)))
    }
}

/// A response with the headers that every response to a handshake has.
pub(super) fn response(status: StatusCode, text: String) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    for header in HEADERS {
        response.insert_header(header);
    }
    response.body(text)
}

/// Responds as a [`MetaHandshake`] does, for handlers that call [`MetaHandshake::answer`].
impl ResponseError for HandshakeError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::FORBIDDEN)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = response(self.status_code(), self.body_text().to_owned());
        if let Some((name, value)) = self.header() {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
            response.headers_mut().insert(name, value);
        }
        response
    }
}
