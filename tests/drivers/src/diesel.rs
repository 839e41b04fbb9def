// With diesel-async, and the feature `postgres`.

use axum::extract::State;
use axum::http::StatusCode;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Binary, Text};
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{Delivery, Rejection};

/// Sells a ticket, and completes the delivery in the same transaction.
///
/// # Errors
///
/// The error is the response. After a 503 the sender tries again.
pub async fn sell_ticket(
    State(pool): State<Pool<AsyncPgConnection>>,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    let mut connection = pool.get().await.map_err(|e| CompleteError::Database(e.into()))?;
    let sold = connection.transaction(async |connection| {
        let insert = diesel::sql_query("INSERT INTO effects VALUES ($1)");
        insert.bind::<Text, _>(delivery.id().as_str()).execute(connection).await?;
        // Last: after an error the transaction is rolled back.
        complete(connection, &delivery).await
    });
    sold.await?;
    Ok(StatusCode::OK)
}

/// Completes the delivery as a part of the connection's transaction.
///
/// # Errors
///
/// Return them from the transaction, which then rolls back.
pub async fn complete(
    connection: &mut AsyncPgConnection,
    delivery: &Delivery,
) -> Result<(), NotSold> {
    let claim = delivery.claim().ok_or(CompleteError::NotClaimed)?;
    let statement = claim.statement()?;
    let query = diesel::sql_query(statement.sql())
        .bind::<Text, _>(statement.scope())
        .bind::<Text, _>(statement.kind())
        .bind::<Text, _>(statement.id())
        .bind::<Binary, _>(statement.token().to_vec());
    query.execute(connection).await?;
    Ok(())
}

/// Lets `?` take the errors of both.
#[derive(Debug)]
pub struct NotSold(CompleteError);

impl From<CompleteError> for NotSold {
    fn from(error: CompleteError) -> Self {
        Self(error)
    }
}

/// Diesel keeps the SQLSTATE to itself. So every error is a 503 here, also if the claim was lost or
/// the delivery is completed already: the sender tries again, and then gets the exact response.
impl From<DieselError> for NotSold {
    fn from(error: DieselError) -> Self {
        Self(CompleteError::Database(error.into()))
    }
}

impl From<NotSold> for Rejection {
    fn from(NotSold(error): NotSold) -> Self {
        error.into()
    }
}
