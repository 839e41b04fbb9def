//! A store in Redis, against real processes: servers, replicas, sentinels, a cluster.
#![cfg(unix)]

mod answers;
mod cluster;
mod clustered;
mod example;
mod outages;
mod processes;
mod proxy;
mod receivers;
mod refusals;
mod rows;
mod sentinel;
mod simulation;
mod store;
mod support;
