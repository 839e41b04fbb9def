//! The hand-over to a queue, over real sockets on every adapter, and the consumer at the other end.
//!
//! The queue is a list in memory that confirms, refuses or hangs as it is told. Receivers, stores and
//! consumers are real. The rows are those of `tests/acceptance/README.md`.

#[allow(dead_code, unused_imports, reason = "the acceptance tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

mod consumers;
mod hand_over;
mod receiver;
mod serve;
mod signatures;
mod test_queue;
