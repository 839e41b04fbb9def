use std::time::Duration;

use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode as Code};

crate::debug::debug_is_display!(KafkaError);

/// Why Kafka cannot be used, or has not confirmed a record. The texts are one line each, without
/// passwords and without payloads.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// The name of the topic cannot be used.
    #[error(
        "the name of the topic must have 1 to 200 of the characters a-z, A-Z, 0-9, `.`, `_` and `-`"
    )]
    Name,
    /// A setting of the client that the engine sets itself, or that it does not know to be safe.
    #[error(
        "the setting `{0}` of the client cannot be chosen: choose settings of the connection, such as \
        `security.protocol`, `sasl.username` or `ssl.ca.location`"
    )]
    Setting(String),
    /// The client does not accept its settings.
    #[error("the client does not accept its settings: {0}")]
    Client(String),
    /// No broker answered in time.
    #[error("no connection to Kafka: {0}")]
    Unreachable(String),
    /// A topic would lose entries.
    #[error(
        "the topic `{topic}` would lose entries: it has {found}; set {wanted}, or choose another name"
    )]
    #[non_exhaustive]
    Topic {
        /// The name of the topic.
        topic: String,
        /// The setting that it has.
        found: String,
        /// The setting that it needs.
        wanted: String,
    },
    /// A topic keeps entries that are done for longer than `Once` remembers them.
    #[error(
        "the topic `{topic}` keeps entries for longer than `Once` remembers that they are done: it has \
        {found}, and a group that loses its offsets would handle them again; set retention.ms to {most} at \
        most, or `KafkaOptions::once_remembers` if yours remembers longer"
    )]
    #[non_exhaustive]
    KeptTooLong {
        /// The name of the topic.
        topic: String,
        /// The settings that it has.
        found: String,
        /// The longest `retention.ms` that it may have.
        most: u64,
    },
    /// A topic does not exist, and could not be created.
    #[error("the topic `{topic}` does not exist and was not created ({detail}): {advice}")]
    #[non_exhaustive]
    NotCreated {
        /// The name of the topic.
        topic: String,
        /// The reason, in the broker's words.
        detail: String,
        /// What to do.
        advice: String,
    },
    /// The record is larger than the topic allows.
    #[error(
        "the entry is larger than a topic allows: raise the `max.message.bytes` of the topic, its retry topics \
        and its dead letters, which receivers notice within a minute, or set the receiver's `body_limit` \
        below it"
    )]
    TooLarge,
    /// The brokers did not confirm in time.
    #[error("Kafka did not confirm within {0:?}")]
    TimedOut(Duration),
    /// Entries were deleted before a worker took them.
    #[error(
        "{lost} offsets of partition {partition} of the topic `{topic}` are gone before a worker has taken \
        them: Kafka has deleted what was older than the topic's `retention.ms`; those entries are lost"
    )]
    #[non_exhaustive]
    Expired {
        /// The name of the topic.
        topic: String,
        /// The number of the partition.
        partition: i32,
        /// The number of offsets.
        lost: i64,
    },
    /// Any other failure of the brokers or of the connection.
    #[error("Kafka failed: {0}")]
    Broker(String),
}

impl KafkaError {
    /// The error of a record that was not confirmed.
    pub(super) fn of_put(error: &ClientError, limit: Duration) -> Self {
        match error.rdkafka_error_code() {
            Some(Code::MessageSizeTooLarge) => Self::TooLarge,
            Some(Code::MessageTimedOut) => Self::TimedOut(limit),
            _ => Self::from(error.clone()),
        }
    }
}

/// Keeps the text alone: sources of the client's errors would repeat it.
impl From<ClientError> for KafkaError {
    fn from(error: ClientError) -> Self {
        Self::Broker(one_line(&error.to_string()))
    }
}

/// The text of a client's error, on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
