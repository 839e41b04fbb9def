//! NATS JetStream, against nats-server.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod configuration;
mod dead_letters;
mod engine;
mod examples;
mod network;
mod outages;
mod proxy;

mod promises {
    crate::support::promises::engine_promises!(crate::engine::Nats);
}
