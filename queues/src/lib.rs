//! Queues for `nevent-webhooks`: a receiver puts each delivery into a broker and answers 200 when the
//! broker has confirmed it, and a worker handles each entry once.
//!
//! Each engine is a cargo feature and a module. It has a queue for `hand_over`, a worker that runs
//! [`Once`](nevent_webhooks::queue::Once) for each entry, retries with growing delays, dead letters, and
//! their replay.
//!
//! After the 200 the sender never sends the delivery again. **What the queue loses is lost.** So each
//! engine checks at connect how its broker is configured, and refuses one that would lose entries.

mod content;
mod dead_letter;
#[cfg(any(
    feature = "kafka",
    feature = "nats",
    feature = "postgres",
    feature = "rabbitmq",
    feature = "redis-streams",
    feature = "sqs"
))]
mod debug;
mod handler;
mod incident;
#[cfg(feature = "kafka")]
pub mod kafka;
mod metrics;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(any(
    feature = "kafka",
    feature = "nats",
    feature = "postgres",
    feature = "rabbitmq",
    feature = "sqs"
))]
mod pause;
#[cfg(any(
    feature = "nats",
    feature = "postgres",
    feature = "rabbitmq",
    feature = "redis-streams",
    feature = "sqs"
))]
mod places;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
#[cfg(feature = "redis-streams")]
pub mod redis_streams;
mod retry;
#[cfg(feature = "sqs")]
pub mod sqs;
mod verdict;

pub use self::dead_letter::{DeadLetter, Select};
pub use self::incident::WorkerIncident;
pub use self::retry::RetryPolicy;
