//! Each server that speaks HTTP/2 without TLS, as its documentation starts it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, mpsc};

use actix_web::{App, HttpResponse, HttpServer, web};
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use nevent_webhooks::{DedupeLayer, Delivery, VerifiedBody, VerifyLayer, WebhookMiddleware};
use tokio::task::JoinHandle;
use tower::{ServiceBuilder, service_fn};

pub struct Server {
    pub address: SocketAddr,
    stop: Stop,
}

enum Stop {
    Task(JoinHandle<()>),
    Actix(actix_web::dev::ServerHandle),
}

impl Drop for Server {
    fn drop(&mut self) {
        match &self.stop {
            Stop::Task(task) => task.abort(),
            Stop::Actix(server) => drop(server.stop(false)),
        }
    }
}

/// How often each delivery was handled.
pub type Handled = Arc<Mutex<BTreeMap<String, u32>>>;

fn count(delivery: &Delivery, handled: &Handled) {
    *handled.lock().unwrap().entry(delivery.id().to_string()).or_default() += 1;
}

pub type Serve = fn(VerifyLayer, DedupeLayer, Handled) -> Server;

pub const ALL: [(&str, Serve); 3] = [("axum", axum), ("hyper", hyper), ("actix", actix)];

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// `axum::serve` speaks HTTP/2, too, when something in the build switches it on.
fn axum(verify: VerifyLayer, dedupe: DedupeLayer, handled: Handled) -> Server {
    let handle = async move |delivery: Delivery| count(&delivery, &handled);
    let webhook = post(handle).route_layer((verify, dedupe));
    let app: Router = Router::new().route("/webhooks/nevent", webhook);
    let (listener, address) = listener();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { address, stop: Stop::Task(task) }
}

fn hyper(verify: VerifyLayer, dedupe: DedupeLayer, handled: Handled) -> Server {
    let service = service_fn(move |request: Request<VerifiedBody>| {
        count(request.body().delivery(), &handled);
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    let service = ServiceBuilder::new().layer((verify, dedupe)).service(service);
    let service = TowerToHyperService::new(service);
    let (listener, address) = listener();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let http = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
    Server { address, stop: Stop::Task(task) }
}

fn actix(verify: VerifyLayer, dedupe: DedupeLayer, handled: Handled) -> Server {
    let (listener, address) = listener();
    let (started, handle_of) = mpsc::channel();
    std::thread::spawn(move || {
        let system = actix_web::rt::System::new();
        let server = HttpServer::new(move || {
            let handled = Arc::clone(&handled);
            let handle = move |delivery: Delivery| {
                count(&delivery, &handled);
                std::future::ready(HttpResponse::Ok().finish())
            };
            let webhook = web::post().to(handle).wrap(WebhookMiddleware::new(&verify, &dedupe));
            App::new().service(web::resource("/webhooks/nevent").route(webhook))
        });
        let server = server.workers(1).disable_signals().listen_auto_h2c(listener).unwrap().run();
        started.send(server.handle()).unwrap();
        system.block_on(server).unwrap();
    });
    Server { address, stop: Stop::Actix(handle_of.recv().unwrap()) }
}
