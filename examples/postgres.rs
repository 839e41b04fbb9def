//! A receiver whose effect and record commit together: each sale is in the table exactly once, whatever
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
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use deadpool_postgres::{Manager, Pool, PoolError, Transaction};
use nevent_webhooks::store::PostgresStore;
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{
    DedupeLayer, Delivery, Event, EventData, Rejection, Secret, Verifier, VerifyLayer,
};
use tokio_postgres::NoTls;

async fn handle(
    State(pool): State<Pool>,
    delivery: Delivery,
    event: Event<EventData>,
) -> Result<StatusCode, Failure> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    book(&transaction, &event).await?;
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

/// Why an event was not booked. The sender's retry runs the handler again.
enum Failure {
    Database(Box<dyn Error>),
    Completion(CompleteError),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Database(error) => {
                eprintln!("not booked: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            // 409 if another attempt has the delivery, 200 if it is completed already.
            Self::Completion(error) => Rejection::from(error).into_response(),
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Self::Database(error.into())
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<CompleteError> for Failure {
    fn from(error: CompleteError) -> Self {
        Self::Completion(error)
    }
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
    let dedupe = DedupeLayer::new("tickets", store)?;
    let app = Router::new()
        .route("/webhooks/nevent", post(handle).route_layer((verify, dedupe)))
        .with_state(pool);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://127.0.0.1:3000/webhooks/nevent");
    Ok(axum::serve(listener, app).await?)
}
