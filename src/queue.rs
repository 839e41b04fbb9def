//! The bridge to a queue: the receiver hands deliveries over and answers 200, and a worker handles
//! them later.
//!
//! This crate brings no queue. You implement [`Queue`] for yours, such as Redis Streams, `RabbitMQ`,
//! NATS, Kafka, SQS or a table of jobs.
//!
//! | part | is |
//! | --- | --- |
//! | [`hand_over`], [`HandOver`] | the handler that puts each delivery into the queue, and answers 200 when the queue has confirmed it |
//! | [`Envelope`] | the delivery on its way: the signed bytes and what was verified, as JSON or as headers and a body |
//! | [`Once`] | the engine without HTTP: it runs the worker's handler once per entry |
//!
//! After the 200 the sender never sends the delivery again. If the queue loses the entry, the event is
//! lost.
//!
//! A delivery may be in the queue twice: after a crash or a timeout between the queue's confirmation
//! and the record in the store, the sender's retry puts it there again. [`Once`] handles it once.
//!
//! Everyone who can write to the queue is trusted. [`Envelope::verify`] is for queues where that is
//! too much. The guide's page is [`guide::queues`](crate::guide::queues).

mod envelope;
#[cfg(any(feature = "tower", feature = "actix"))]
mod hand_over;
mod once;
mod put;
#[cfg(any(feature = "tower", feature = "actix"))]
mod request;

pub use self::envelope::{Envelope, EnvelopeError, EnvelopeVerifyError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use self::hand_over::{HandOver, HandOverFuture, hand_over};
pub use self::once::{Handled, Once};
pub use self::put::{Queue, QueueError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use self::request::HandOverRequest;
