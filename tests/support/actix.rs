use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use actix_web::dev::{ServerHandle, Service};
use actix_web::http::StatusCode;
use actix_web::{App, HttpMessage, HttpRequest, HttpResponse, HttpServer, web};
use nevent_webhooks::WebhookMiddleware;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::Outer;
use super::received::{Asks, Received};
use super::receiver::{Handler, Layers};

/// A server with two workers, in threads of its own. Stopped when dropped.
pub struct Server(ServerHandle);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stop(false));
    }
}

pub(super) fn serve(
    listener: TcpListener,
    (verify, dedupe): Layers,
    limit: usize,
    outer: Option<Outer>,
    (handler, asks): (Handler, Asks),
) -> Server {
    let listener = listener.into_std().expect("a socket");
    let (started, handle) = mpsc::channel();
    thread::spawn(move || {
        let system = actix_web::rt::System::new();
        let limit = Arc::new(Semaphore::new(limit));
        let server = HttpServer::new(move || {
            let limit = Arc::clone(&limit);
            let limited = move |request, service: &_| {
                let answer = Service::call(service, request);
                let limit = Arc::clone(&limit);
                async move {
                    let _permit = limit.acquire().await.expect("never closed");
                    answer.await
                }
            };
            let resource = web::resource("/webhooks/nevent")
                .app_data(web::PayloadConfig::new(32 << 20))
                .wrap_fn(limited)
                .wrap(WebhookMiddleware::new(&verify, &dedupe))
                .wrap_fn(move |mut request, service| {
                    if let Some(outer) = outer {
                        let body = outer.wrap_payload(request.take_payload());
                        request.set_payload(body);
                    }
                    Service::call(service, request)
                });
            let handler = Arc::clone(&handler);
            let handle = move |request: HttpRequest, body: web::Bytes| {
                let received = Received::of_request(&request, asks);
                assert_eq!(received.delivery.body(), &body, "the handler reads what was verified");
                let answer = handler(received);
                async move {
                    let answer = answer.await;
                    answer.map(|status| HttpResponse::build(of_actix(status)).finish())
                }
            };
            App::new().service(resource.route(web::post().to(handle)))
        });
        let server = server.workers(2).disable_signals().listen(listener).expect("a socket").run();
        started.send(server.handle()).expect("awaited");
        system.block_on(server).expect("actix serves");
    });
    Server(handle.recv().expect("it starts"))
}

/// actix has the types of an older `http`.
fn of_actix(status: http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).expect("a status")
}
