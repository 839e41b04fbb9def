use std::convert::Infallible;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::DefaultBodyLimit;
use axum::http::request::Parts;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use axum::{Router, routing::post};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nevent_webhooks::VerifiedBody;
use tokio::net::{TcpListener, TcpStream};
use tower::limit::ConcurrencyLimitLayer;
use tower::util::MapRequestLayer;
use tower::{Service, ServiceBuilder, service_fn};

use super::Outer;
use super::received::{Asks, Received};
use super::receiver::{Handler, Layers};

pub(super) async fn serve_axum(
    listener: TcpListener,
    layers: Layers,
    limit: ConcurrencyLimitLayer,
    outer: Option<Outer>,
    (handler, asks): (Handler, Asks),
) {
    let handle = move |parts: Parts, body: Bytes| async move {
        let received = Received::of_extensions(&parts.extensions, asks);
        let verified = received.delivery.body();
        assert_eq!(verified, &body, "the handler reads the bytes that were verified");
        handler(received).await
    };
    let above = MapRequestLayer::new(move |request: Request<Body>| match outer {
        None => request,
        Some(outer) => request.map(|body| outer.wrap(body)),
    });
    let limit_of_extractor = DefaultBodyLimit::max(32 << 20);
    let webhook = post(handle).route_layer(limit_of_extractor).route_layer(limit);
    let webhook = webhook.route_layer(layers).route_layer(above);
    let app = Router::new().route("/webhooks/nevent", webhook);
    axum::serve(listener, app).await.expect("axum serves");
}

pub(super) async fn serve_hyper(
    listener: TcpListener,
    layers: Layers,
    limit: ConcurrencyLimitLayer,
    outer: Option<Outer>,
    (handler, asks): (Handler, Asks),
) {
    let handle = service_fn(move |request: Request<VerifiedBody>| {
        let answer = handler(Received::of_extensions(request.extensions(), asks));
        async move {
            Ok::<_, Infallible>(match answer.await {
                Ok(status) => status.into_response(),
                Err(rejection) => rejection.to_response(),
            })
        }
    });
    let above = MapRequestLayer::new(move |request: Request<Incoming>| match outer {
        None => request.map(Either::Left),
        Some(outer) => request.map(|body| Either::Right(outer.wrap(body))),
    });
    let service = ServiceBuilder::new().layer(above).layer(layers).layer(limit).service(handle);
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        serve_connection(stream, service.clone());
    }
}

/// Generic over the service: rustc cannot prove an `async` block `Send` that
/// holds a service with a `dyn` in it and bounds of `'static` on it.
fn serve_connection<S, B>(stream: TcpStream, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    tokio::spawn(async move {
        let server = hyper::server::conn::http1::Builder::new();
        let connection =
            server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        // A client that hangs up is an error here, and part of the tests.
        let _ = connection.await;
    });
}
