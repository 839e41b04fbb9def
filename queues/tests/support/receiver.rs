//! A receiver that hands over: in this process for the short tests, in its own for the ledger.

use std::net::SocketAddr;
use std::time::Duration;

use axum::{Router, routing::post};
use nevent_webhooks::queue::{Queue, hand_over};
use nevent_webhooks::store::Store;
use nevent_webhooks::{DedupeLayer, DedupeOptions, Secret, Verifier, VerifyLayer};
use tokio::net::TcpListener;

pub const SECRET: &str = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
pub const SCOPE: &str = "tickets";

pub fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}

/// A lease of 2 s, so that what a killed process had in hand is soon free.
pub fn short_lease() -> DedupeOptions {
    let lease = Duration::from_secs(2);
    let options = DedupeOptions::new().lease(lease).response_deadline(lease / 3);
    options.store_timeout(lease * 4 / 15)
}

pub fn app(queue: impl Queue, store: impl Store) -> Router {
    let verify = VerifyLayer::new(Verifier::new(secret()));
    let dedupe = DedupeLayer::with_options(SCOPE, store, short_lease()).expect("safe options");
    let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
    Router::new().route("/webhooks/nevent", webhook)
}

/// Serves on any port of 127.0.0.1, until the test ends. Returns its address.
pub async fn spawn(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}
