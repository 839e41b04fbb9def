//! The store in PostgreSQL, and deliveries that a handler completes in its own transaction, against
//! real servers.
#![cfg(target_os = "linux")]

mod commits;
mod locks;
mod lost_answers;
mod outages;
mod store;
mod support;
