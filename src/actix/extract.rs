//! The extractors for actix-web, and the responses that handlers can return.

use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
#[cfg(feature = "queue")]
use actix_web::http::header::HeaderValue;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};

use crate::extract::RequestContext;
use crate::observe::log;
use crate::{Delivery, Rejection};

/// Extracts the delivery that [`WebhookMiddleware`](crate::WebhookMiddleware) verified. Without that
/// middleware above the handler, the response is 500 with a text that says what is missing.
impl FromRequest for Delivery {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(delivery(request))
    }
}

/// Extracts the event from the verified bytes, even if the request's body was already taken.
///
/// If the bytes are not such an event, the response is 400 `Malformed event`. A handler that takes
/// `Result<Event<T>, Rejection>` gets the reason instead.
#[cfg(feature = "events")]
impl<T> FromRequest for crate::Event<T>
where
    Self: serde::de::DeserializeOwned,
{
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request, RequestContext::event))
    }
}

/// Extracts one event or several. If the body is neither, the response is 400 `Malformed event`.
#[cfg(feature = "events")]
impl FromRequest for crate::Batch {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request, RequestContext::batch))
    }
}

/// Extracts what a hand-over needs of the request.
#[cfg(feature = "queue")]
impl FromRequest for crate::queue::HandOverRequest {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lines_of = |name| request.headers().get_all(name).map(HeaderValue::as_bytes);
        let of = |delivery| {
            let extensions = request.extensions();
            let context = extensions.get::<RequestContext>();
            Self::new(delivery, context.and_then(|context| context.claimed.as_ref()), lines_of)
        };
        ready(delivery(request).and_then(of))
    }
}

/// Responds 200 if all events are done, otherwise 500 `Batch incomplete`.
#[cfg(feature = "events")]
impl actix_web::Responder for crate::BatchReport {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        match self.into_result() {
            Ok(()) => HttpResponse::Ok().finish(),
            Err(rejection) => HttpResponse::from_error(rejection),
        }
    }
}

fn delivery(request: &HttpRequest) -> Result<Delivery, Rejection> {
    let delivery = request.extensions().get().cloned();
    delivery.ok_or_else(|| without_signature(request)).inspect_err(log::missing_layer)
}

#[cfg_attr(not(feature = "schemes"), expect(unused_variables, reason = "there are no tokens"))]
fn without_signature(request: &HttpRequest) -> Rejection {
    #[cfg(feature = "schemes")]
    if request.extensions().contains::<crate::credential::TokenDelivery>() {
        return Rejection::NotSigned;
    }
    Rejection::MissingVerifyLayer
}

#[cfg(feature = "events")]
fn read<T>(
    request: &HttpRequest,
    read: impl FnOnce(&RequestContext, &Delivery) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    let delivery = delivery(request)?;
    let extensions = request.extensions();
    let context = extensions.get::<RequestContext>().ok_or(Rejection::MissingVerifyLayer)?;
    read(context, &delivery)
}

/// Responds 400 `Malformed event`, for handlers that read `data` themselves. The response's error is
/// the [`Rejection`], as it is for an extractor.
#[cfg(any(feature = "events", feature = "schemes"))]
impl From<crate::EventError> for actix_web::Error {
    fn from(error: crate::EventError) -> Self {
        Rejection::from(error).into()
    }
}

/// Responds as the middleware does by default, for handlers that reject a request for the same
/// reasons.
impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("text/plain; charset=utf-8");
        for header in self.headers() {
            response.insert_header(header);
        }
        response.body(self.body_text())
    }
}
