//! A quorum queue of `RabbitMQ` 3.10 or later.
//!
//! | part | is |
//! | --- | --- |
//! | [`RabbitMqOptions`] | the broker's URL, the queue's name and its settings, the same for all parts |
//! | [`RabbitMqQueue`] | the receiver's half, for `hand_over` |
//! | [`RabbitMqWorker`] | the worker's half: runs [`Once`](nevent_webhooks::queue::Once) for each entry |
//! | [`RabbitMqDeadLetters`] | lists, replays and drops dead letters |
//!
//! With the queue's name `tickets`, the broker has these queues. All are durable quorum queues, and are
//! declared at connect:
//!
//! | queue | has |
//! | --- | --- |
//! | `tickets` | the entries |
//! | `tickets.retry.10000` | entries that wait 10,000 ms for their next attempt; one such queue per delay |
//! | `tickets.dead` | dead letters, for 30 days |
//!
//! Messages move from one queue to another by the broker's at-least-once dead lettering: they leave a
//! queue when the next one has confirmed them.

mod dead_letter;
mod dead_letters;
mod error;
mod handling;
mod link;
mod message;
mod options;
mod publisher;
mod queue;
mod taken;
mod topology;
mod worker;

pub use self::dead_letters::RabbitMqDeadLetters;
pub use self::error::RabbitMqError;
pub use self::options::RabbitMqOptions;
pub use self::queue::RabbitMqQueue;
pub use self::worker::RabbitMqWorker;
