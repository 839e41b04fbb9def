use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::{Error, HttpMessage};

use super::rejection_response::{RejectionBody, into_error, reject, with_id};
use crate::Rejection;
use crate::dedupe::{Claimed, Dedupe, HandlerEnd, handle_once_locally};
use crate::delivery::AnyDelivery;
use crate::receive::{Checks, NotForwarded};

/// Runs the handler for a request that was accepted, and rejects any other.
pub(super) async fn respond<S, B, V, D: AnyDelivery>(
    checks: &Checks<V>,
    dedupe: &Arc<Dedupe>,
    inner: Rc<S>,
    (request, body): (ServiceRequest, Payload),
    accepted: Result<D, NotForwarded>,
    add_context: impl FnOnce(&ServiceRequest, Claimed) + 'static,
) -> Result<ServiceResponse<EitherBody<B, RejectionBody>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    match accepted {
        Ok(delivery) => handled(inner, dedupe, request, delivery, add_context).await,
        Err(NotForwarded::Rejected(rejection)) => {
            checks.rejected(&rejection);
            Ok(reject(request, rejection, None, Some(body), &checks.respond))
        }
        #[cfg(feature = "schemes")]
        Err(NotForwarded::Handshake { challenge }) => {
            let response = super::handshake::response(StatusCode::OK, challenge);
            let response = response.map_body(|_, text| RejectionBody::of(text));
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

/// Runs the handler once. If the handler did not start, the request is still here for a rejection's
/// response. If it panicked or is late, it owns the request, and only an error is possible.
async fn handled<S, B, D: AnyDelivery>(
    inner: Rc<S>,
    dedupe: &Arc<Dedupe>,
    request: ServiceRequest,
    delivery: D,
    add_context: impl FnOnce(&ServiceRequest, Claimed) + 'static,
) -> Result<ServiceResponse<EitherBody<B, RejectionBody>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let accepted = delivery.accepted();
    let (id, terms) = (Some(accepted.id().clone()), *accepted.terms());
    let request = Rc::new(Cell::new(Some(request)));
    let waiting = Rc::clone(&request);
    let handler = async move |delivery, claimed| {
        // The claim took longer than the response deadline, and the 503 has taken the request.
        let request = waiting.take().ok_or(Rejection::StillProcessing)?;
        add_context(&request, claimed);
        Ok(inner.call(with_delivery(request, delivery)).await)
    };
    let rejection = match handle_once_locally(dedupe, delivery, handler, end_of).await {
        Ok(result) => {
            let mut response = result?.map_into_left_body();
            if terms.counts_as_failure(response.status().as_u16()) {
                *response.response_mut().status_mut() = StatusCode::OK;
            }
            return Ok(with_id(response, id));
        }
        Err(rejection) => rejection,
    };
    match request.take() {
        Some(request) => Ok(reject(request, rejection, id, None, dedupe.respond())),
        None => Err(into_error(rejection, dedupe.respond())),
    }
}

/// The request with its body put back, and with the delivery as it was claimed. The header keeps the
/// id that was sent: actix-web panics at a change of the head while an outer middleware holds the
/// request.
fn with_delivery(mut request: ServiceRequest, delivery: impl AnyDelivery) -> ServiceRequest {
    request.set_payload(Payload::from(delivery.accepted().body().clone()));
    request.extensions_mut().insert(delivery);
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
