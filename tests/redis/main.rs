//! A store in Redis, against real processes: servers, replicas, sentinels, a cluster.
#![cfg(unix)]

mod cluster;
mod clustered;
mod outages;
mod processes;
mod proxy;
mod receivers;
mod sentinel;
mod store;
mod support;
