//! Redis Streams, against redis-server.

#[path = "../support/mod.rs"]
mod support;
