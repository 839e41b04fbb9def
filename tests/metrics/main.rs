//! The metrics that a real exporter shows, over real sockets, on every adapter.
//!
//! All tests share the exporter of the process, because the layers resolve their handles on whatever
//! thread handles a request. Each test has a scope of its own, and looks at the series of that scope:
//! what an answer changed, and that it changed nothing else.

#[allow(dead_code, unused_imports, reason = "the acceptance tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

mod batches;
mod checks;
mod counted;
mod deduplication;
mod process;
#[cfg(feature = "queue")]
mod queues;
#[cfg(feature = "queue")]
#[allow(dead_code, reason = "the tests of the hand-over use the rest")]
#[path = "../queue/receiver.rs"]
mod receiver;
mod series;
#[cfg(feature = "queue")]
#[path = "../queue/serve.rs"]
mod serve;
#[cfg(feature = "queue")]
#[allow(dead_code, reason = "the tests of the hand-over use the rest")]
#[path = "../queue/test_queue.rs"]
mod test_queue;
