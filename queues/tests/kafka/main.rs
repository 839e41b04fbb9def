//! Kafka: against Tansu, a broker that speaks Kafka's protocol and keeps everything in an object store.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod configuration;
mod dead_letters;
mod examples;
mod foreign;
mod ledger;
mod objects;
mod outages;
mod rebalance;
mod waiting;
mod whole;
mod work;
