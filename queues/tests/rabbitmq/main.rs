//! `RabbitMQ`, against rabbitmq-server.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod ledger;
mod outages;
mod whole;
