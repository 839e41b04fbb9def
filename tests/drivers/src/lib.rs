//! One handler for each driver. All of them do the same: they sell a ticket, and complete the delivery
//! in the same transaction.

#[path = "deadpool.rs"]
pub mod deadpool_postgres;
#[path = "diesel.rs"]
pub mod diesel_async;
pub mod sea_orm;
#[path = "sqlx.rs"]
pub mod sqlx_0_9;
pub mod sqlx_sqlite;

/// The same text with the older version.
pub mod sqlx_0_8 {
    use ::sqlx_0_8 as sqlx;
    include!("sqlx.rs");
}
