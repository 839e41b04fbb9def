//! A store in Redis, against real processes: servers, replicas, sentinels, a cluster.
#![cfg(unix)]

mod cluster;
mod processes;
mod proxy;
mod support;
