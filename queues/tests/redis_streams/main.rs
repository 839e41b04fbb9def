//! Redis Streams, against servers that each test starts and kills itself.

mod bullmq;
mod dead;
mod examples;
mod hand_over;
mod ledger;
mod network;
mod outages;
mod permissions;
mod proxy;
mod refused;
mod retries;
mod scene;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod takeover;
