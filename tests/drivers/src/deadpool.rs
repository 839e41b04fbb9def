// With tokio-postgres and a pool of deadpool-postgres, and the feature `postgres`.

use axum::extract::State;
use axum::http::StatusCode;
use deadpool_postgres::{Pool, PoolError};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{Delivery, Rejection};
use tokio_postgres::types::Type;

/// Sells a ticket, and completes the delivery in the same transaction.
///
/// # Errors
///
/// The error is the response. After a 503 the sender tries again.
pub async fn sell_ticket(
    State(pool): State<Pool>,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    let mut client = pool.get().await.map_err(failed)?;
    let transaction = client.transaction().await.map_err(failed)?;
    let insert = "INSERT INTO effects VALUES ($1)";
    // With its type, so that the statement has no name on the server: PgBouncer needs that.
    let id = (&delivery.id().as_str() as _, Type::TEXT);
    transaction.execute_typed(insert, &[id]).await.map_err(failed)?;
    delivery.commit(transaction).await?;
    Ok(StatusCode::OK)
}

/// The database failed. As a [`Rejection`] this is a 503, after which the sender tries again.
fn failed(error: impl Into<PoolError>) -> CompleteError {
    CompleteError::Database(error.into().into())
}
