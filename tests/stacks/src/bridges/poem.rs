use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use nevent_webhooks::{DedupeLayer, Event, VerifiedBody, VerifyLayer};
use poem::endpoint::TowerCompatExt;
use poem::{Route, post};
use tower::ServiceBuilder;

/// Routes webhooks through the two layers to the handler.
pub(crate) fn app(verify: VerifyLayer, dedupe: DedupeLayer) -> Route {
    let webhook = ServiceBuilder::new().layer(verify).layer(dedupe).service_fn(handle);
    Route::new().at("/webhooks/nevent", post(webhook.compat()))
}

/// Your code goes here.
async fn handle(
    request: http::Request<VerifiedBody>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let event: Event = match Event::from_extensions(request.extensions()) {
        Ok(event) => event,
        Err(rejection) => return Ok(rejection.to_response()),
    };
    let delivery = request.body().delivery();
    let text = format!("handled {} {}", event.event_type, delivery.id());
    Ok(http::Response::new(Full::from(text)))
}
