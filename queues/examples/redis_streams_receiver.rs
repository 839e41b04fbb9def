//! A receiver that puts each delivery into a stream in Redis, and answers 200 when it is on the disk.
//!
//! Start a server that keeps what it acknowledges, and in the directory `queues` the receiver:
//!
//!     redis-server --port 6380 --appendonly yes --appendfsync always --dir /tmp &
//!     NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR \
//!         cargo run --features redis-streams --example redis_streams_receiver
//!
//! and send something, in the repository's root, with the same secret in the environment:
//!
//!     cargo run --example send -- --delivery d-1

use axum::{Router, routing::post};
use nevent_webhooks::observe::{Observation, Outcome};
use nevent_webhooks::queue::hand_over;
use nevent_webhooks::{DedupeLayer, DedupeOptions, Secret, Verifier, VerifyLayer};
use nevent_webhooks_queues::redis_streams::RedisStreams;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or("redis://127.0.0.1:6380".to_owned());
    let bind = std::env::var("BIND").unwrap_or("127.0.0.1:3000".to_owned());
    // [receiver]
    // Refuses a server that would lose entries.
    let redis = RedisStreams::connect(&url).await?;
    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    // Says why a delivery was not handed over. In production, rather switch on the feature `tracing`.
    let log = |happened: &Observation<'_>| {
        if let Outcome::Rejected { rejection, .. } = happened.outcome {
            eprintln!("{rejection}");
        }
    };
    let observed = DedupeOptions::new().observer(log);
    let dedupe = DedupeLayer::with_options("tickets", redis.store(), observed)?;
    let webhook = post(hand_over(redis.queue())).route_layer((verify, dedupe));
    let app = Router::new().route("/webhooks/nevent", webhook);
    // [end]
    let listener = TcpListener::bind(bind).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
