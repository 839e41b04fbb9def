//! Amazon SQS, against the server of moto, which speaks its protocol. It is not SQS: see `server.rs`.

#[path = "../support/mod.rs"]
mod support;

mod configuration;
mod crashes;
mod dead_letters;
mod examples;
mod fifo;
mod ledger;
mod messages;
mod outages;
mod proxy;
mod repeats;
mod server;
mod waiting;
mod whole;
mod work;
