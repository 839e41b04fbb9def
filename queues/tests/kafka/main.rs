//! Kafka: against Tansu, a broker that speaks Kafka's protocol and keeps everything in an object store.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod configuration;
mod engine;
mod examples;
mod foreign;
mod objects;
mod outages;
mod rebalance;

mod promises {
    crate::support::promises::engine_promises!(crate::engine::Kafka);
}
