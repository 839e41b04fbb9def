use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};

crate::debug::debug_is_display!(RabbitMqError);

/// Why `RabbitMQ` cannot be used, or has not confirmed a message. The texts are one line each, without
/// the URL's password and without payloads.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RabbitMqError {
    /// The URL cannot be read.
    #[error("the URL of RabbitMQ cannot be read: write amqp://user:password@host:5672/%2f")]
    Url,
    /// The name of the queue cannot be used.
    #[error("the name of the queue must have 1 to 200 characters and must not start with `amq.`")]
    Name,
    /// The URL asks for TLS, which this build does not have.
    #[error("the URL asks for TLS: build with the feature `rabbitmq-tls`")]
    NoTls,
    /// The broker did not accept a connection in time, or refused it.
    #[error("no connection to RabbitMQ: {0}")]
    Unreachable(String),
    /// A queue exists with other arguments than those of the options.
    #[error(
        "the queue `{queue}` exists with other arguments ({detail}): use the same options everywhere; if it \
        is not a durable quorum queue or the options have changed, empty it and delete it, or choose \
        another name"
    )]
    #[non_exhaustive]
    OtherArguments {
        /// The name of the queue.
        queue: String,
        /// The difference, in the broker's words.
        detail: String,
    },
    /// The broker refused to declare a queue.
    #[error(
        "RabbitMQ does not declare the queue `{queue}` ({detail}): it needs RabbitMQ 3.10 or later"
    )]
    #[non_exhaustive]
    NotDeclared {
        /// The name of the queue.
        queue: String,
        /// The reason, in the broker's words.
        detail: String,
    },
    /// There is no connection at the moment. It is being restored in the background.
    #[error("not connected to RabbitMQ at the moment: {0}")]
    Disconnected(String),
    /// The broker accepts no messages, because its memory or disk is nearly full.
    #[error("RabbitMQ accepts no messages: its memory or disk is nearly full")]
    Blocked,
    /// No queue took the message. The broker acknowledges such a message, and returns it.
    #[error("the queue `{0}` does not exist: RabbitMQ returned the message")]
    Returned(String),
    /// The broker refused the message.
    #[error(
        "the queue `{0}` did not take the message: it is full, or has lost the majority of its replicas"
    )]
    Refused(String),
    /// The message is larger than the broker allows. Older versions allow more than newer ones.
    #[error(
        "RabbitMQ refuses the message ({0}): raise `max_message_size` in the broker's configuration, or set the \
        receiver's `body_limit` below it"
    )]
    TooLarge(String),
    /// The broker did not confirm in time.
    #[error("RabbitMQ did not confirm within {0:?}")]
    TimedOut(Duration),
    /// Any other failure of the broker or of the connection.
    #[error("RabbitMQ failed: {0}")]
    Broker(String),
}

impl RabbitMqError {
    /// The error of a message that was not confirmed. The broker closes the channel if the message is too large.
    pub(super) fn of_put(error: &lapin::Error) -> Self {
        if let ErrorKind::ProtocolError(refusal) = error.kind()
            && *refusal.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
            && refusal.get_message().as_str().contains("larger than")
        {
            return Self::TooLarge(refusal.get_message().to_string());
        }
        Self::Broker(one_line(error))
    }
}

/// Keeps the text alone: sources of the client's errors would repeat it.
impl From<lapin::Error> for RabbitMqError {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(one_line(&error))
    }
}

/// The text of a client's error, on one line.
pub(super) fn one_line(error: &lapin::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
