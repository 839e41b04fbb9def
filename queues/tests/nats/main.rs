//! NATS JetStream, against nats-server.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod configuration;
mod crashes;
mod dead_letters;
mod examples;
mod ledger;
mod outages;
mod waiting;
mod whole;
mod work;
