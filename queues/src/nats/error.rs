use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

crate::debug::debug_is_display!(NatsError);

/// Why NATS cannot be used, or has not confirmed a message. The texts are one line each, without passwords
/// and without payloads.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// A URL cannot be read.
    #[error("the URL of NATS cannot be read: write nats://user:password@host:4222")]
    Url,
    /// The name of the queue cannot be used.
    #[error("the name of the queue must have 1 to 200 letters, digits, `-` and `_`")]
    Name,
    /// The URL or the server asks for TLS, which this build does not have.
    #[error("the URL or the server asks for TLS: build with the feature `nats-tls`")]
    NoTls,
    /// Some of the URLs ask for TLS, and others do not.
    #[error(
        "some URLs ask for TLS and others do not: write tls:// for all servers, or the password goes over \
        the network in clear text"
    )]
    SomeTls,
    /// No server accepted a connection in time.
    #[error("no connection to NATS: {0}")]
    Unreachable(String),
    /// The server has no JetStream, or this account may not use it.
    #[error(
        "NATS does not answer requests to JetStream: start the server with `jetstream` enabled, enable it \
        for this account, and let this user publish to `$JS.API.>`"
    )]
    NoJetStream,
    /// A stream or its consumer exists with a configuration that loses entries, or other options.
    #[error("the {what} has another configuration: {detail}")]
    #[non_exhaustive]
    OtherConfiguration {
        /// The stream or the consumer, with its name.
        what: String,
        /// What it must have, and has instead.
        detail: String,
    },
    /// The server refused to create a stream or its consumer.
    #[error("NATS does not create the {what}: {detail}")]
    #[non_exhaustive]
    NotCreated {
        /// The stream or the consumer, with its name.
        what: String,
        /// The reason, in the server's words.
        detail: String,
    },
    /// There is no connection at the moment, or what it found was refused. It is being tried again in the
    /// background.
    #[error("NATS cannot be used at the moment: {0}")]
    Disconnected(String),
    /// The message is larger than the server allows.
    #[error(
        "the entry does not fit into a message of NATS, with at most {limit} bytes: raise `max_payload` in \
        the server's configuration and `max_msg_size` of the streams, or lower the receiver's `body_limit`"
    )]
    #[non_exhaustive]
    TooLarge {
        /// The limit for headers and body together.
        limit: usize,
    },
    /// The stream refused the message.
    #[error("the stream `{stream}` did not take the message: {detail}")]
    #[non_exhaustive]
    Refused {
        /// The name of the stream.
        stream: String,
        /// The reason, in the server's words.
        detail: String,
    },
    /// The server has received the message before, and does not say that the stream has it. It may have it later.
    #[error(
        "the stream `{stream}` did not confirm the message: the server knows it, and has not stored it yet"
    )]
    #[non_exhaustive]
    NotYetStored {
        /// The name of the stream.
        stream: String,
    },
    /// The server did not confirm in time.
    #[error("NATS did not confirm within {0:?}")]
    TimedOut(Duration),
    /// Any other failure of the server or of the connection.
    #[error("NATS failed: {0}")]
    Server(String),
}

impl NatsError {
    /// Whether the stream may take the message later, over the same connection.
    pub(super) fn is_refusal(&self) -> bool {
        self.is_certain() || matches!(self, Self::NotYetStored { .. } | Self::TimedOut(_))
    }

    /// Whether the stream certainly does not have the message.
    pub(super) fn is_certain(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::TooLarge { .. })
    }

    /// Keeps the text alone: sources of the client's errors would repeat it.
    pub(super) fn server(error: &(dyn Error + 'static)) -> Self {
        Self::Server(one_line(error))
    }
}

/// The text of a client's error and of its sources, on one line.
pub(super) fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            let _ = write!(text, ": {next}");
        }
        source = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
