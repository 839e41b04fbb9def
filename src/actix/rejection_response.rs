//! The middleware's answers in the handler's place.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use bytes::Bytes;

use crate::{DeliveryId, Rejection};

/// The body of a refusal. Owns what was not read of the request's: actix would go on
/// to read a body that nobody holds, without a limit and without a timer, and ends a
/// connection whose body somebody still holds when the answer has been sent.
pub struct RejectionBody {
    text: BoxBody,
    _unread: Option<Payload>,
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

/// The answer, with the rejection as its error, and the delivery's id in its extensions.
pub(super) fn reject<B>(
    request: ServiceRequest,
    rejection: Rejection,
    id: Option<DeliveryId>,
    unread: Option<Payload>,
) -> ServiceResponse<EitherBody<B, RejectionBody>> {
    let response = HttpResponse::from_error(rejection);
    let response =
        response.map_body(|_, text| EitherBody::right(RejectionBody { text, _unread: unread }));
    let (request, _) = request.into_parts();
    with_id(ServiceResponse::new(request, response), id)
}

/// Who looks at a rejection finds beside it the id that was sent.
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

impl fmt::Debug for RejectionBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectionBody").field("text", &self.text).finish_non_exhaustive()
    }
}
