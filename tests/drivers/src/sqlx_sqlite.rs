//! With sqlx 0.9 and the feature `sqlx-0_9-sqlite`.

use axum::extract::State;
use axum::http::StatusCode;
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{Delivery, Rejection};
use sqlx::SqlitePool;

/// Sells a ticket, and completes the delivery in the same transaction.
///
/// # Errors
///
/// The error is the response. After a 503 the sender tries again.
pub async fn sell_ticket(
    State(pool): State<SqlitePool>,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    // IMMEDIATE: a transaction that reads first may fail at its first write.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    sqlx::query("INSERT INTO effects VALUES (?1)")
        .bind(delivery.id().as_str())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    delivery.commit(transaction).await?;
    Ok(StatusCode::OK)
}

/// The database failed. As a [`Rejection`] this is a 503, after which the sender tries again.
fn failed(error: sqlx::Error) -> CompleteError {
    CompleteError::Database(error.into())
}
