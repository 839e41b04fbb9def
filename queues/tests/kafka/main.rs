//! Kafka: against Tansu, a broker that speaks Kafka's protocol and keeps everything in an object store,
//! and against the cluster of librdkafka's own tests, for what Tansu does not have.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod configuration;
mod crashes;
mod dead_letters;
mod examples;
mod ledger;
mod mock;
mod outages;
mod waiting;
mod whole;
mod work;
