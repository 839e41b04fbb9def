//! A receiver whose effect and record commit together: each event is booked exactly once, whatever
//! happens to the process.
//!
//! ```sh
//! export NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR   # in both terminals
//! ops/with-postgres cargo run --features postgres --example postgres
//! cargo run --example send -- --delivery d-1                     # in the second, as often as you like
//! ```
//!
//! `ops/with-postgres` starts a private server for the command. With a server of yours, set
//! `DATABASE_URL` instead.

use std::error::Error;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::post};
use deadpool_postgres::{Manager, Pool, Transaction};
use nevent_webhooks::store::PostgresStore;
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{
    DedupeKey, DedupeLayer, DedupeOptions, Delivery, Event, EventData, Rejection, Secret, Verifier,
    VerifyLayer,
};
use tokio_postgres::NoTls;

async fn handle(
    State(pool): State<Pool>,
    delivery: Delivery,
    event: Event<EventData>,
) -> Result<StatusCode, Rejection> {
    let mut client = pool.get().await.map_err(failed)?;
    let transaction = client.transaction().await.map_err(failed)?;
    book(&transaction, &event).await.map_err(failed)?;
    delivery.commit(transaction).await?; // The sale and the record of the delivery, or neither.
    println!("booked {}", delivery.id());
    Ok(StatusCode::OK)
}

/// The effect. There is no unique key: the commit alone makes it happen once.
async fn book(
    transaction: &Transaction<'_>,
    event: &Event<EventData>,
) -> Result<(), tokio_postgres::Error> {
    let insert = "INSERT INTO sales (event_id, event_type) VALUES ($1, $2)";
    transaction.execute(insert, &[&event.id, &event.event_type]).await.map(drop)
}

/// The database failed. As a [`Rejection`] this is a 503, after which the sender tries again.
fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> CompleteError {
    CompleteError::Database(error.into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("DATABASE_URL").map_err(|_| "set DATABASE_URL=postgres://…")?;
    PostgresStore::migrate(&url).await?;
    // The store has connections of its own. The handlers' pool is the program's.
    let store = PostgresStore::connect(&url).await?;
    let pool = Pool::builder(Manager::new(url.parse()?, NoTls)).max_size(16).build()?;
    let table = "CREATE TABLE IF NOT EXISTS sales (event_id text, event_type text)";
    pool.get().await?.batch_execute(table).await?;

    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    // By the id of the event, which the sender may deliver again under another delivery id.
    let options = DedupeOptions::new().dedupe_by(DedupeKey::EventId);
    let dedupe = DedupeLayer::with_options("tickets", store, options)?;
    let app = Router::new()
        .route("/webhooks/nevent", post(handle).route_layer((verify, dedupe)))
        .with_state(pool);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://127.0.0.1:3000/webhooks/nevent");
    Ok(axum::serve(listener, app).await?)
}
