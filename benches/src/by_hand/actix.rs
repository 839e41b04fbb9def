//! The same middleware on actix-web.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpResponse};

use super::ByHand;

/// The middleware: `actix_web::middleware::from_fn(receive)`, with a `Data<ByHand>` in the app.
///
/// # Errors
///
/// Those of the handler.
pub async fn receive<B: MessageBody>(
    state: Data<ByHand>,
    body: Bytes,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (Some(signature), Some(id)) = (header("x-nevent-signature"), header("x-nevent-delivery"))
    else {
        return Ok(answer(request, HttpResponse::BadRequest().finish()));
    };
    if !state.is_genuine(signature, &body) {
        return Ok(answer(request, HttpResponse::Unauthorized().finish()));
    }
    let id = id.to_owned();
    if !state.is_new(&id) {
        return Ok(answer(request, HttpResponse::Ok().body("Already processed")));
    }
    request.set_payload(Payload::from(body));
    let response = next.call(request).await;
    if !response.as_ref().is_ok_and(|response| response.status().is_success()) {
        state.forget(&id);
    }
    Ok(response?.map_into_left_body())
}

fn answer<B>(request: ServiceRequest, response: HttpResponse) -> ServiceResponse<EitherBody<B>> {
    request.into_response(response).map_into_right_body()
}
