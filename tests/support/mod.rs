//! A receiver on a real socket, a client that writes raw HTTP, deliveries to send, and a store
//! that fails on demand: for the acceptance tests, and for those of them that run with Redis.
//!
//! `secrets`, `process`, `ports` and `example` stand alone, so that other tests can include
//! them without the rest.

#[cfg(feature = "actix")]
mod actix;
mod adapter;
pub mod busy;
pub mod client;
pub mod faulty_store;
pub mod gate;
pub mod outer;
pub mod post;
pub mod received;
pub mod receiver;
pub mod recorder;
pub mod secrets;
#[cfg(feature = "schemes")]
pub mod sender;
#[cfg(feature = "schemes")]
pub mod tokens;
mod tower;
pub mod work;

use std::time::{Duration, Instant};

pub use adapter::Adapter;
pub use client::{Connection, Reply};
pub use faulty_store::{Fault, FaultyStore};
pub use gate::Gate;
pub use outer::Outer;
pub use post::Post;
pub use received::Asks;
pub use receiver::Receiver;
pub use secrets::{OTHER_SECRET, PREVIOUS_SECRET, SECRET};
#[cfg(feature = "schemes")]
pub use sender::Sender;

/// One test per adapter for each row: `mod on_axum`, `mod on_hyper` and `mod
/// on_actix` call the functions of these names.
macro_rules! rows {
    ($($row:ident),* $(,)?) => {
        mod on_axum {
            use crate::support::Adapter;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $row() { super::$row(Adapter::Axum).await })*
        }
        mod on_hyper {
            use crate::support::Adapter;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $row() { super::$row(Adapter::Hyper).await })*
        }
        #[cfg(feature = "actix")]
        mod on_actix {
            use crate::support::Adapter;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $row() { super::$row(Adapter::Actix).await })*
        }
    };
}
pub(crate) use rows;

pub const EVENT: &[u8] = br#"{"id":"evt_01234567890","type":"purchase.completed","created":1640995200,"data":{},"organization_id":"org_abcdefghijk"}"#;

/// Runs a check again and again until it holds, for what happens in the background.
pub async fn eventually(what: &str, check: impl Fn() -> bool) {
    let begun = Instant::now();
    while !check() {
        assert!(begun.elapsed() < Duration::from_secs(120), "did not come about: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
