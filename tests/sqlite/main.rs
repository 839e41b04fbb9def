//! The store in a SQLite file, and deliveries that a handler completes in its own transaction.
#![cfg(target_os = "linux")]

mod clock;
mod commits;
mod disk;
mod files;
mod locks;
mod processes;
mod promises;
#[cfg(feature = "queue")]
mod queues;
mod store;
mod support;
mod thread;
