//! The store in PostgreSQL, and deliveries that a handler completes in its own transaction, against
//! real servers.
#![cfg(target_os = "linux")]

mod commits;
mod store;
mod support;
