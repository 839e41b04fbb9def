//! The brokers, as the tests start them.
#![allow(dead_code, unused_imports, reason = "the tests use the rest")]

#[path = "../../tests/kafka/broker.rs"]
pub mod kafka;
#[path = "../../tests/nats/broker.rs"]
pub mod nats;
#[path = "../../tests/rabbitmq/broker.rs"]
pub mod rabbitmq;
#[path = "../../tests/redis_streams/server.rs"]
pub mod redis;
#[path = "../../tests/sqs/server.rs"]
pub mod sqs;

/// Those of the tests of the store.
#[path = "../../../tests/postgres/support"]
pub mod postgres {
    pub mod directory;
    pub mod programs;
    pub mod server;

    // Included twice, it would give each port twice.
    pub use crate::support::ports;
    pub use crate::support::{PATIENCE, process};
}
