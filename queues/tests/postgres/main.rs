//! A table of entries in `PostgreSQL`, against real servers.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

/// Real servers to start and kill, of the tests of the store.
#[allow(dead_code, unused_imports, reason = "the tests of the store use the rest")]
#[path = "../../../tests/postgres/support"]
mod servers {
    pub mod bouncer;
    pub mod directory;
    pub mod programs;
    pub mod server;

    pub use self::server::Server;
    // Included twice, it would give each port twice.
    pub use crate::support::ports;
    pub use crate::support::{PATIENCE, process};
}

mod bouncer;
mod configuration;
mod crashes;
mod dead_letters;
mod engine;
mod examples;
mod finding;
mod graphile;
mod hand_over;
mod network;
mod outages;
mod plans;
mod rows;
mod scene;

mod promises {
    crate::support::promises::engine_promises!(crate::engine::Postgres);
}
