// With SeaORM 2, and the feature `postgres`.

use axum::extract::State;
use axum::http::StatusCode;
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{Delivery, Rejection};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    Statement, TransactionTrait, Value,
};

/// Sells a ticket, and completes the delivery in the same transaction.
///
/// # Errors
///
/// The error is the response. After a 503 the sender tries again.
pub async fn sell_ticket(
    State(database): State<DatabaseConnection>,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    let transaction = database.begin().await.map_err(failed)?;
    let id = [delivery.id().as_str().into()];
    let insert = statement("INSERT INTO effects VALUES ($1)", id);
    transaction.execute_raw(insert).await.map_err(failed)?;
    complete(&transaction, &delivery).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(StatusCode::OK)
}

/// Completes the delivery as the last statement of the transaction.
///
/// # Errors
///
/// Return them without a commit.
pub async fn complete(
    transaction: &DatabaseTransaction,
    delivery: &Delivery,
) -> Result<(), CompleteError> {
    let claim = delivery.claim().ok_or(CompleteError::NotClaimed)?;
    let completion = claim.statement()?;
    let values = [
        completion.scope().into(),
        completion.kind().into(),
        completion.id().into(),
        completion.token().to_vec().into(),
    ];
    let executed = transaction.execute_raw(statement(completion.sql(), values)).await;
    executed.map(drop).map_err(failed)
}

/// The error that the SQLSTATE stands for.
fn failed(error: DbErr) -> CompleteError {
    CompleteError::of_sqlstate(sqlstate(&error).as_deref(), error)
}

/// The SQLSTATE is in the error of sqlx, below that of `SeaORM`.
fn sqlstate(error: &DbErr) -> Option<String> {
    let DbErr::Exec(RuntimeErr::SqlxError(below)) = error else { return None };
    Some(below.as_database_error()?.code()?.into_owned())
}

fn statement<const N: usize>(sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
