//! Handlers with the drivers that people use, against real PostgreSQL servers and SQLite files.
#![cfg(target_os = "linux")]

mod bouncer;
mod deadpool;
mod diesel;
mod scenarios;
mod sea_orm;
mod sqlx;
mod sqlx_sqlite;
#[allow(dead_code, unused_imports, unused_macros, reason = "the tests of the store use the rest")]
#[path = "../../../postgres/support/mod.rs"]
mod support;
