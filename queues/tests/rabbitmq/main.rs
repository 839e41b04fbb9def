//! `RabbitMQ`, against rabbitmq-server.

#[path = "../support/mod.rs"]
mod support;

mod broker;
mod configuration;
mod connections;
mod dead_letters;
mod engine;
mod examples;
mod moves;
mod outages;
mod policies;

mod promises {
    crate::support::promises::engine_promises!(crate::engine::RabbitMq);
}
