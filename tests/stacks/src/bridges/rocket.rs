use std::convert::Infallible;
use std::io::{self, Cursor};

use bytes::{Bytes, BytesMut};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use nevent_webhooks::{DedupeLayer, Event, VerifiedBody, VerifyLayer};
use rocket::data::{Data, DataStream, ToByteUnit};
use rocket::http::{Method, Status};
use rocket::route::{Handler, Outcome, Route};
use rocket::tokio::io::AsyncReadExt;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};

#[derive(Clone)]
struct Webhook(BoxCloneSyncService<http::Request<Body>, http::Response<Answer>, Infallible>);

/// A body that owns its bytes, which Rocket's does not: they come through a channel.
type Body = Channel<Bytes, io::Error>;
type Answer = BoxBody<Bytes, Infallible>;

/// Routes webhooks through the two layers to the handler: `rocket.mount("/", routes(…))`.
pub(crate) fn routes(verify: VerifyLayer, dedupe: DedupeLayer) -> Vec<Route> {
    let service = ServiceBuilder::new()
        .map_response(|response: http::Response<_>| response.map(BodyExt::boxed))
        .layer(verify)
        .layer(dedupe)
        .service_fn(handle);
    let webhook = Webhook(BoxCloneSyncService::new(service));
    vec![Route::new(Method::Post, "/webhooks/nevent", webhook)]
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

#[rocket::async_trait]
impl Handler for Webhook {
    async fn handle<'r>(&self, request: &'r rocket::Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let (sender, body) = Body::new(1);
        let mut builder = http::Request::post(request.uri().to_string());
        for header in request.headers().iter() {
            builder = builder.header(header.name().as_str(), header.value());
        }
        let Ok(request) = builder.body(body) else {
            return Outcome::Error(Status::BadRequest);
        };
        // The layers may answer before the body has ended. Then the rest is not read.
        let answer = self.0.clone().oneshot(request);
        rocket::tokio::pin!(answer);
        let response = rocket::tokio::select! {
            response = &mut answer => response,
            () = send(data.open(2.mebibytes()), sender) => answer.await,
        };
        match response {
            Ok(response) => respond(response).await,
            Err(never) => match never {},
        }
    }
}

/// Hands the body on as it comes. (The limit that counts is the layers' own, 1 MiB.)
async fn send(mut data: DataStream<'_>, mut to: Sender<Bytes, io::Error>) {
    loop {
        let mut piece = BytesMut::with_capacity(16 * 1024);
        match data.read_buf(&mut piece).await {
            Ok(0) => return,
            Ok(_) if to.send_data(piece.freeze()).await.is_ok() => {}
            Ok(_) => return, // The layers have answered.
            Err(error) => return to.abort(error),
        }
    }
}

async fn respond<'r>(response: http::Response<Answer>) -> Outcome<'r> {
    let mut answer = rocket::Response::build();
    answer.status(Status::new(response.status().as_u16()));
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        answer.raw_header_adjoin(name.to_string(), value);
    }
    let Ok(body) = response.into_body().collect().await;
    let body = body.to_bytes();
    Outcome::Success(answer.sized_body(body.len(), Cursor::new(body)).finalize())
}
