//! An inbox table of the handlers' own in place of a `DedupeLayer`, as the guide shows it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::{Router, routing::post};
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::testing::SignedDelivery;
use nevent_webhooks::{Delivery, Event, Rejection, Verifier, VerifyLayer};
use tokio::net::TcpListener;

use crate::support::acceptance::work::event;
use crate::support::{Effects, SECRET, Server, secrets, sell, unavailable};

#[derive(Clone)]
struct Handlers {
    effects: Effects,
    /// Transactions that are still to fail after their effect.
    failures: Arc<AtomicU32>,
}

async fn handle(
    State(handlers): State<Handlers>,
    _delivery: Delivery,
    event: Event,
) -> Result<StatusCode, Rejection> {
    let mut client = handlers.effects.client().await?;
    let transaction = client.transaction().await.map_err(unavailable)?;
    let insert = "INSERT INTO inbox (event) VALUES ($1) ON CONFLICT DO NOTHING";
    if transaction.execute(insert, &[&event.id]).await.map_err(unavailable)? == 0 {
        return Ok(StatusCode::OK);
    }
    sell(&transaction, &event.id).await?;
    let fails = |left: u32| left.checked_sub(1);
    if handlers.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails).is_ok() {
        return Ok(StatusCode::INTERNAL_SERVER_ERROR);
    }
    transaction.commit().await.map_err(unavailable)?;
    Ok(StatusCode::OK)
}

/// Fifty at once, the first of which fail: each other waits for the one before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inbox_row_in_the_effects_transaction_has_each_effect_once() {
    let server = Server::start().await;
    let effects = Effects::at(&server.url()).await;
    server.execute("CREATE TABLE inbox (event text PRIMARY KEY)").await;
    let failures = Arc::new(AtomicU32::new(3));
    let app = Router::new()
        .route("/", post(handle))
        .route_layer(VerifyLayer::new(Verifier::new(secrets::secret(SECRET))))
        .with_state(Handlers { effects: effects.clone(), failures });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(axum::serve(listener, app).into_future());
    let client = Client::builder(TokioExecutor::new()).build_http();
    let requests = (0..50).map(|number| client.request(request(address, number)));
    let answers = join_all(requests).await.into_iter().map(|answer| answer.expect("it answers"));

    let ok = answers.filter(|answer| answer.status() == StatusCode::OK).count();
    assert_eq!((ok, effects.of("evt_1").await), (47, 1));
}

/// The event under a delivery id of its own.
fn request(address: SocketAddr, number: u32) -> Request<Full<Bytes>> {
    let body = event("evt_1");
    let id = format!("d-{number}");
    let signed = SignedDelivery::new(&secrets::secret(SECRET), id, body.clone());
    let request = Request::post(format!("http://{address}/"));
    let request =
        signed.headers().fold(request, |request, (name, value)| request.header(name, value));
    request.body(Full::from(body)).expect("a request")
}
