//! The store in Redis, against real processes: servers, replicas, sentinels, a cluster;
//! receivers that are killed, and a sender that keeps a ledger.
//!
//! `support_*` test the support: that the processes do what the other tests rely on.
#![cfg(target_os = "linux")]

mod answers;
mod clock_steps;
mod cluster;
mod complete_with;
mod complete_with_cluster;
mod complete_with_counters;
mod complete_with_lost_answers;
mod complete_with_refused;
mod complete_with_rights;
mod complete_with_rows;
mod complete_with_server;
mod connections;
mod example;
mod last_words;
mod late;
mod missing_replicas;
mod outages;
mod permissions;
#[cfg(feature = "queue")]
mod queues;
mod receivers;
mod refusals;
mod rows;
mod sentinel;
mod simulation;
mod store;
mod support;
mod support_cluster;
mod support_processes;
mod support_proxy;
#[cfg(feature = "redis-tls")]
mod tls;
#[cfg(feature = "redis-tls")]
mod tls_provider;
mod warnings;
