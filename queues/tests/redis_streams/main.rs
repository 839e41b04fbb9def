//! Redis Streams, against servers that each test starts and kills itself.

#[path = "../support/mod.rs"]
mod support;

mod bullmq;
mod dead;
mod delayed;
mod engine;
mod examples;
mod hand_over;
mod network;
mod outages;
mod permissions;
mod proxy;
mod reconnects;
mod refused;
mod scene;
mod server;
mod stops;
mod takeover;

mod promises {
    crate::support::promises::engine_promises!(crate::engine::Streams);
}
