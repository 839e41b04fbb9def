//! NATS JetStream, against nats-server.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod configuration;
mod crashes;
mod dead_letters;
mod examples;
mod ledger;
mod network;
mod outages;
mod proxy;
mod waiting;
mod whole;
mod work;
