//! The store in PostgreSQL, and deliveries that a handler completes in its own transaction, against
//! real servers.
#![cfg(target_os = "linux")]

mod batches;
mod bouncer;
mod commits;
mod failover;
mod inbox;
mod ledger;
mod locks;
mod lost_answers;
mod outages;
mod promises;
#[cfg(feature = "queue")]
mod queues;
mod setup;
mod statements;
mod store;
mod support;
#[cfg(feature = "postgres-tls")]
mod tls;
