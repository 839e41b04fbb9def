//! A JetStream work queue of NATS 2.9 or later.
//!
//! | part | is |
//! | --- | --- |
//! | [`NatsOptions`] | the servers, the queue's name and its settings, the same for all parts |
//! | [`NatsQueue`] | the receiver's half, for `hand_over` |
//! | [`NatsWorker`] | the worker's half: runs [`Once`](nevent_webhooks::queue::Once) for each entry |
//! | [`NatsDeadLetters`] | lists, replays and deletes dead letters |
//!
//! With the queue's name `tickets`, the server has these. They are created at connect, and existing ones
//! are checked:
//!
//! | on the server | has |
//! | --- | --- |
//! | the stream `tickets`, of the subject `tickets` | the entries, until they are acknowledged |
//! | its durable consumer `worker` | which entries are in flight or wait, for all workers together |
//! | the stream `tickets-dead`, of the subject `tickets-dead` | dead letters, for 30 days |
//!
//! # A power failure
//!
//! The server acknowledges an entry when it has written it to its file, and syncs the file to the disk every two
//! minutes. So an entry survives a crash of the server's process, and **a power failure or a crash of the
//! operating system loses the entries of the last two minutes**. A client cannot see this setting. Set
//! `sync_interval: always` in the configuration of every server, which takes NATS 2.10 or later.
//!
//! Three servers and [`NatsOptions::replicas`] of 3 survive the loss of one machine, **and need that setting, too**:
//! a server that crashes and comes back without its last entries can form a majority with one that has not
//! had them yet.

mod dead_letter;
mod dead_letters;
mod error;
mod handling;
mod link;
mod login;
mod message;
mod messages;
mod options;
mod publish;
mod queue;
mod sweep;
mod taken;
mod topology;
mod worker;

pub use self::dead_letters::NatsDeadLetters;
pub use self::error::NatsError;
pub use self::options::NatsOptions;
pub use self::queue::NatsQueue;
pub use self::worker::NatsWorker;
