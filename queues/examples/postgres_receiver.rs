//! A receiver that puts each delivery into a table of `PostgreSQL`, in the transaction that completes its
//! claim, and answers 200 when that is committed.
//!
//! Start a server, and in the directory `queues` the receiver:
//!
//!     docker run --rm -d -p 5432:5432 -e POSTGRES_PASSWORD=secret postgres
//!     NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR \
//!         cargo run --features postgres --example postgres_receiver
//!
//! and send something, in the repository's root, with the same secret in the environment:
//!
//!     cargo run --example send -- --delivery d-1

use axum::{Router, routing::post};
use nevent_webhooks::observe::{Observation, Outcome};
use nevent_webhooks::queue::hand_over;
use nevent_webhooks::{DedupeLayer, DedupeOptions, Secret, Verifier, VerifyLayer};
use nevent_webhooks_queues::postgres::{PostgresOptions, PostgresQueue};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let local = "postgres://postgres:secret@127.0.0.1/postgres".to_owned();
    let url = std::env::var("DATABASE_URL").unwrap_or(local);
    let bind = std::env::var("BIND").unwrap_or("127.0.0.1:3000".to_owned());
    // [receiver]
    let options = PostgresOptions::new(&url, "tickets")?;
    options.migrate().await?; // Creates the tables. See `schema_sql` for other ways.
    // Refuses a server that would lose entries.
    let queue = PostgresQueue::connect(&options).await?;
    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    // Says why a delivery was not handed over. In production, rather switch on the feature `tracing`.
    let log = |happened: &Observation<'_>| {
        if let Outcome::Rejected { rejection, .. } = happened.outcome {
            eprintln!("{rejection}");
        }
    };
    let observed = DedupeOptions::new().observer(log);
    // The entry and the record of its delivery are committed together, so they are in one database.
    let dedupe = DedupeLayer::with_options("tickets", options.store().await?, observed)?;
    let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
    let app = Router::new().route("/webhooks/nevent", webhook);
    // [end]
    let listener = TcpListener::bind(bind).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
