//! Topics of Apache Kafka.
//!
//! | part | is |
//! | --- | --- |
//! | [`KafkaOptions`] | the brokers, the topic's name and its settings, the same for all parts |
//! | [`KafkaQueue`] | the receiver's half, for `hand_over` |
//! | [`KafkaWorker`] | the worker's half: runs [`Once`](nevent_webhooks::queue::Once) for each entry |
//! | [`KafkaDeadLetters`] | lists, replays and deletes dead letters |
//!
//! With the name `tickets`, the cluster has these topics. A part that connects creates those that do not
//! exist, and refuses those that would lose entries:
//!
//! | topic | has |
//! | --- | --- |
//! | `tickets` | the entries |
//! | `tickets.retry.10000` | entries that wait 10,000 ms for their next attempt; one such topic per delay |
//! | `tickets.dead` | dead letters, for 30 days; compacted, so that one can be deleted |
//!
//! The workers are the consumer group `tickets`. A worker commits an offset when all entries before it are
//! done or are in another topic.
//!
//! **Kafka deletes an entry when it is old enough, even if no worker has taken it.** See
//! [`KafkaOptions::kept_for`].

mod apart;
mod check;
mod client;
mod context;
mod dead_letters;
mod dead_log;
mod error;
mod guard;
mod handling;
mod message;
mod options;
mod partition;
mod partitions;
mod publisher;
mod queue;
mod taking;
mod topics;
mod worker;

pub use self::dead_letters::KafkaDeadLetters;
pub use self::error::KafkaError;
pub use self::options::KafkaOptions;
pub use self::queue::KafkaQueue;
pub use self::worker::KafkaWorker;
