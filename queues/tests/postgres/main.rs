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
    #[path = "../../support/ports.rs"]
    pub mod ports;
    #[path = "../../support/process.rs"]
    pub mod process;
    pub mod programs;
    pub mod server;

    pub use self::server::Server;
    pub use crate::support::PATIENCE;
}

mod bouncer;
mod configuration;
mod crashes;
mod dead_letters;
mod examples;
mod hand_over;
mod ledger;
mod outages;
mod plans;
mod waiting;
mod whole;
mod work;
