//! The workers of a server: they share one store, and may make their own layers over it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::{App, HttpResponse, HttpServer, web};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Delivery, WebhookMiddleware};

use super::secrets::signature;
use super::{layers, middleware};

/// Ten thousand deliveries, each sent twice at once to a server of four workers.
#[tokio::test(flavor = "multi_thread")]
async fn four_workers_share_one_store() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (verify, dedupe) = layers();
    let counted = Arc::clone(&runs);
    let (told, address) = mpsc::channel();
    thread::spawn(move || {
        let server = HttpServer::new(move || {
            let counted = Arc::clone(&counted);
            let handle = move |_: Delivery| {
                counted.fetch_add(1, Ordering::SeqCst);
                async { HttpResponse::Ok().finish() }
            };
            let resource = web::resource("/hook").wrap(WebhookMiddleware::new(&verify, &dedupe));
            App::new().service(resource.route(web::post().to(handle)))
        });
        // By default it closes what was silent for 5 s, as the client's spare connections are
        // on a busy machine, and what the client then sends there is answered with a reset.
        let server = server.keep_alive(KeepAlive::Os).client_request_timeout(Duration::ZERO);
        let server = server.workers(4).disable_signals().bind("127.0.0.1:0").expect("a port");
        told.send(server.addrs()[0]).expect("awaited");
        actix_web::rt::System::new().block_on(server.run()).expect("actix serves");
    });
    let address = address.recv().expect("it starts");
    let client = Client::builder(TokioExecutor::new()).build_http();
    for first in (0..10_000).step_by(16) {
        let sent = (first..first + 16).flat_map(|n| [n, n]).map(|n| {
            let body = format!(r#"{{"n":{n}}}"#);
            let request = hyper::Request::post(format!("http://{address}/hook"))
                .header("x-nevent-signature", signature(&body))
                .header("x-nevent-delivery", n.to_string())
                .body(Full::<Bytes>::from(body));
            client.request(request.expect("a request"))
        });
        for answer in futures_util::future::join_all(sent).await {
            assert!([200, 409].contains(&answer.expect("an answer").status().as_u16()));
        }
    }
    assert_eq!(runs.load(Ordering::SeqCst), 10_000);
}

/// A store made within the closure would be one for each worker; whichever runtime the
/// server runs on.
#[test]
fn a_store_in_memory_made_in_a_worker_is_refused() {
    let serve = async || {
        let server = HttpServer::new(|| App::new().wrap(middleware()));
        server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a port").run().await
    };
    assert!(actix_web::rt::System::new().block_on(serve()).is_err(), "it does not start");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    assert!(runtime.block_on(serve()).is_err(), "it does not start");
}

/// Layers may be made for each worker, and for each address that the server listens at, as long as
/// they share a store.
#[test]
fn layers_made_in_a_worker_over_one_store_are_taken() {
    let store = Arc::new(MemoryStore::with_capacity(10).expect("room"));
    let serve = async || {
        let store = Arc::clone(&store);
        let server = HttpServer::new(move || {
            let dedupe = DedupeLayer::new("tickets", Arc::clone(&store)).expect("a scope");
            App::new().wrap(WebhookMiddleware::new(&layers().0, &dedupe))
        });
        let server = server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a port");
        let server = server.bind("127.0.0.1:0").expect("another").run();
        let handle = server.handle();
        actix_web::rt::spawn(async move { handle.stop(true).await });
        server.await
    };
    actix_web::rt::System::new().block_on(serve()).expect("it starts, and stops");
}
