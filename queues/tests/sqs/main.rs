//! Amazon SQS, against the server of moto, which speaks its protocol. It is not SQS: see `server.rs`.

#[path = "../support/mod.rs"]
mod support;

mod configuration;
mod dead_letters;
mod engine;
mod examples;
mod fifo;
mod messages;
mod outages;
mod proxy;
mod repeats;
mod server;
mod waiting;

mod promises {
    crate::support::promises::engine_promises!(crate::engine::Sqs);
}
