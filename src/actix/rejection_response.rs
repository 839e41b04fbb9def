//! The middleware's responses to rejections.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{Error, HttpResponse, ResponseError};
use bytes::Bytes;

use crate::rejection::Respond;
use crate::{DeliveryId, Rejection, RejectionResponse};

/// The body of a rejection, or of another response in the handler's place. It owns the unread part of the request's body.
///
/// If that part were dropped, actix-web would read it to its end, without a limit and without a
/// timer. As it still exists when the response has been sent, actix-web closes the connection.
pub struct RejectionBody {
    text: BoxBody,
    _unread: Option<Payload>,
}

impl RejectionBody {
    /// The body of a response to a request whose body was read to its end.
    #[cfg(feature = "schemes")]
    pub(super) fn of(text: BoxBody) -> Self {
        Self { text, _unread: None }
    }
}

impl MessageBody for RejectionBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.text.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.text).poll_next(context)
    }
}

/// The response with the rejection as its error and the delivery's id in its extensions.
pub(super) fn reject<B>(
    request: ServiceRequest,
    rejection: Rejection,
    id: Option<DeliveryId>,
    unread: Option<Payload>,
    respond: &Respond,
) -> ServiceResponse<EitherBody<B, RejectionBody>> {
    let custom = respond.to(&rejection).map(|custom| (custom, rejection.clone()));
    let mut response = HttpResponse::from_error(rejection);
    if let Some((custom, rejection)) = custom {
        response = with_custom(response, &rejection, custom);
    }
    let response =
        response.map_body(|_, text| EitherBody::right(RejectionBody { text, _unread: unread }));
    let (request, _) = request.into_parts();
    with_id(ServiceResponse::new(request, response), id)
}

/// Adds the id that was sent to the response's extensions, for middleware that reads the rejection.
pub(super) fn with_id<B>(
    mut response: ServiceResponse<B>,
    id: Option<DeliveryId>,
) -> ServiceResponse<B> {
    let error = response.response().error();
    if error.and_then(|error| error.as_error::<Rejection>()).is_some()
        && let Some(id) = id
    {
        response.response_mut().extensions_mut().insert(id);
    }
    response
}

fn with_custom(
    mut response: HttpResponse,
    rejection: &Rejection,
    custom: RejectionResponse,
) -> HttpResponse {
    let headers = response.headers_mut();
    for (name, value) in custom.allowed_headers(rejection) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    if let Ok(content_type) = HeaderValue::try_from(custom.content_type()) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    response.set_body(BoxBody::new(custom.into_body()))
}

/// The error for a rejection without a request to respond to, because the handler owns it.
pub(super) fn into_error(rejection: Rejection, respond: &Respond) -> Error {
    match respond.to(&rejection) {
        Some(custom) => RejectionError { rejection, custom }.into(),
        None => rejection.into(),
    }
}

/// The error of [`WebhookMiddleware`](crate::WebhookMiddleware) for a handler that panicked or did
/// not finish by the response deadline, if the layers have a
/// [`rejection_response`](crate::DedupeOptions::rejection_response) function.
///
/// Without such a function the error is the [`Rejection`] itself.
#[derive(Debug)]
pub struct RejectionError {
    rejection: Rejection,
    custom: RejectionResponse,
}

impl RejectionError {
    /// The rejection that the error responds to.
    #[must_use]
    pub fn rejection(&self) -> &Rejection {
        &self.rejection
    }
}

impl fmt::Display for RejectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rejection.fmt(f)
    }
}

impl ResponseError for RejectionError {
    fn status_code(&self) -> StatusCode {
        self.rejection.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        with_custom(self.rejection.error_response(), &self.rejection, self.custom.clone())
    }
}

impl fmt::Debug for RejectionBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectionBody").field("text", &self.text).finish_non_exhaustive()
    }
}
