//! A receiver that puts each delivery into a JetStream stream, and answers 200 when NATS has confirmed it.
//!
//! Start a server, and in the directory `queues` the receiver:
//!
//!     docker run --rm -d -p 4222:4222 nats:2 -js
//!     NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR \
//!         cargo run --features nats --example nats_receiver
//!
//! and send something, in the repository's root, with the same secret in the environment:
//!
//!     cargo run --example send -- --delivery d-1

use axum::{Router, routing::post};
use nevent_webhooks::observe::{Observation, Outcome};
use nevent_webhooks::queue::hand_over;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, DedupeOptions, Secret, Verifier, VerifyLayer};
use nevent_webhooks_queues::nats::{NatsOptions, NatsQueue};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("NATS_URL").unwrap_or("nats://127.0.0.1:4222".to_owned());
    let bind = std::env::var("BIND").unwrap_or("127.0.0.1:3000".to_owned());
    // [receiver]
    // Refuses streams that would lose entries.
    let queue = NatsQueue::connect(&NatsOptions::new(&url, "tickets")?).await?;
    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    // Says why a delivery was not handed over. In production, rather switch on the feature `tracing`.
    let log = |happened: &Observation<'_>| {
        if let Outcome::Rejected { rejection, .. } = happened.outcome {
            eprintln!("{rejection}");
        }
    };
    let observed = DedupeOptions::new().observer(log);
    // Receivers that share a store put fewer second copies into the queue.
    let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), observed)?;
    let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
    let app = Router::new().route("/webhooks/nevent", webhook);
    // [end]
    let listener = TcpListener::bind(bind).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
