//! A route with the hand-over as its handler, on each adapter.

use std::convert::Infallible;

use axum::Router;
use axum::body::Bytes;
use axum::http::{Request, Response};
use axum::routing::post;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nevent_webhooks::queue::HandOver;
use nevent_webhooks::{BatchReport, DedupeLayer, ResponseBody, VerifiedBody, VerifyLayer};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

use crate::test_queue::TestQueue;

pub type Layers = (VerifyLayer, DedupeLayer);

pub async fn axum(listener: TcpListener, layers: Layers, hand_over: HandOver<TestQueue>) {
    let webhook = post(hand_over.handler()).route_layer(layers);
    let app = Router::new().route("/webhooks/nevent", webhook);
    axum::serve(listener, app).await.expect("axum serves");
}

pub async fn hyper(listener: TcpListener, layers: Layers, hand_over: HandOver<TestQueue>) {
    let handle = service_fn(move |request: Request<VerifiedBody>| {
        let handed_over = hand_over.of_request(&request);
        async move {
            let response: Response<ResponseBody<Full<Bytes>>> =
                match handed_over.await.and_then(BatchReport::into_result) {
                    Ok(()) => Response::default(),
                    Err(rejection) => rejection.to_response(),
                };
            Ok::<_, Infallible>(response)
        }
    });
    let service = ServiceBuilder::new().layer(layers).service(handle);
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let server = hyper::server::conn::http1::Builder::new();
            // A client that hangs up is an error here, and part of the tests.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A server in a thread of its own. Stopped when dropped.
#[cfg(feature = "actix")]
pub struct Server(actix_web::dev::ServerHandle);

#[cfg(feature = "actix")]
impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stop(false));
    }
}

#[cfg(feature = "actix")]
pub fn actix(
    listener: TcpListener,
    (verify, dedupe): Layers,
    hand_over: HandOver<TestQueue>,
) -> Server {
    use actix_web::{App, HttpServer, web};
    use nevent_webhooks::WebhookMiddleware;

    let listener = listener.into_std().expect("a socket");
    let (started, handle) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let system = actix_web::rt::System::new();
        let server = HttpServer::new(move || {
            let webhook = web::post().to(hand_over.clone().handler());
            let webhook = webhook.wrap(WebhookMiddleware::new(&verify, &dedupe));
            App::new().service(web::resource("/webhooks/nevent").route(webhook))
        });
        let server = server.workers(2).disable_signals().listen(listener).expect("a socket").run();
        started.send(server.handle()).expect("awaited");
        system.block_on(server).expect("actix serves");
    });
    Server(handle.recv().expect("it starts"))
}
