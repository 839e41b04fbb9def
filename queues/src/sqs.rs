//! Amazon SQS: a queue with a dead-letter queue, standard or FIFO.
//!
//! | part | is |
//! | --- | --- |
//! | [`SqsOptions`] | the client's configuration, the queue's name or URL and its settings, for all parts |
//! | [`SqsQueue`] | the receiver's half, for `hand_over` |
//! | [`SqsWorker`] | the worker's half: runs [`Once`](nevent_webhooks::queue::Once) for each entry |
//! | [`SqsDeadLetters`] | lists, replays and deletes dead letters |
//!
//! With the queue's name `tickets`, [`SqsOptions::create_queues`] creates these queues. You can also create
//! them yourself:
//!
//! | queue | has |
//! | --- | --- |
//! | `tickets` | entries that are waiting, in flight, or waiting for their next attempt |
//! | `tickets-dead` | dead letters, for 14 days |
//!
//! An entry is the JSON of its [`Envelope`](nevent_webhooks::queue::Envelope). A message never changes in
//! SQS, so the worker sends a copy with the number of failed attempts for each retry, and then deletes the
//! first message. The attribute `webhook-state` has that number.

mod api;
mod check;
mod dead_letter;
mod dead_letters;
mod error;
mod handling;
mod link;
mod message;
mod options;
mod queue;
mod scan;
mod setup;
mod state;
mod taken;
mod turns;
mod worker;

pub use self::dead_letters::SqsDeadLetters;
pub use self::error::SqsError;
pub use self::options::SqsOptions;
pub use self::queue::SqsQueue;
pub use self::worker::SqsWorker;
