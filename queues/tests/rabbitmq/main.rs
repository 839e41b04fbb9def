//! `RabbitMQ`, against rabbitmq-server.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod configuration;
mod crashes;
mod dead_letters;
mod examples;
mod ledger;
mod moves;
mod outages;
mod policies;
mod waiting;
mod whole;
mod work;
