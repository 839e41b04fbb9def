use std::error::Error;
use std::time::Duration;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

crate::debug::debug_is_display!(SqsError);

/// Why SQS cannot be used, or has not confirmed a message. The texts are one line each, without
/// credentials and without payloads.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SqsError {
    /// The name of the queue cannot be used.
    #[error(
        "the queue must be a URL, or a name of 1 to 80 letters, digits, `-` and `_`, which may end in `.fifo`"
    )]
    Name,
    /// The queue, or its dead-letter queue, does not exist.
    #[error(
        "the queue `{0}` does not exist: create it, for example with `SqsOptions::create_queues`"
    )]
    NoQueue(String),
    /// The queue would lose entries, as it is configured.
    #[error("the queue `{queue}` would lose entries: {advice}")]
    #[non_exhaustive]
    LosesEntries {
        /// The name of the queue.
        queue: String,
        /// What is wrong, and what to change.
        advice: String,
    },
    /// The entry is too large for the queue.
    #[error(
        "the entry has {size} bytes, and the queue takes {limit}: raise its `MaximumMessageSize`, or lower \
        the receiver's `body_limit`"
    )]
    #[non_exhaustive]
    TooLarge {
        /// The size of the message.
        size: usize,
        /// The limit of the queue, less what the worker adds.
        limit: usize,
    },
    /// SQS has stored another text than was sent.
    #[error("SQS has stored another text than was sent: the MD5 of its answer is that of another")]
    OtherText,
    /// There are too many dead letters to see them all. What a replay or a deletion has done stays done.
    #[error(
        "the dead letters cannot all be received within {0:?}: list fewer, call it again, or start a redrive \
        in the console of SQS"
    )]
    TooMany(Duration),
    /// SQS did not answer in time.
    #[error("SQS did not answer in time, which is {0:?}")]
    TimedOut(Duration),
    /// The message is no longer this worker's: its visibility timeout has expired, or it is deleted.
    #[error("the message is no longer this worker's: {0}")]
    NotHeld(String),
    /// SQS refused a request.
    #[error("SQS refused the request ({code}): {message}")]
    #[non_exhaustive]
    Refused {
        /// The code of the error, such as `AccessDenied`.
        code: String,
        /// The reason, in the words of SQS.
        message: String,
    },
    /// There was no usable answer.
    #[error("no answer from SQS: {0}")]
    Unreachable(String),
}

impl SqsError {
    /// The error of one request. `limit` is how long it may take.
    pub(super) fn of<E, R>(error: &SdkError<E, R>, limit: Duration) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug,
    {
        match error {
            SdkError::TimeoutError(_) => Self::TimedOut(limit),
            SdkError::ServiceError(context) => {
                let error = context.err();
                Self::refusal(error.code().unwrap_or("no code"), error.message())
            }
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(error) if error.is_timeout() => Self::TimedOut(limit),
                Some(error) => Self::Unreachable(with_sources(error)),
                None => Self::Unreachable("the request could not be sent".to_owned()),
            },
            SdkError::ConstructionFailure(_) => Self::Unreachable(
                "the request could not be made: check the region and the credentials".to_owned(),
            ),
            _ => Self::Unreachable("the answer cannot be read".to_owned()),
        }
    }

    fn refusal(code: &str, message: Option<&str>) -> Self {
        let message = one_line(message.unwrap_or("no reason"));
        // The older protocol has `AWS.SimpleQueueService.NonExistentQueue`.
        if code.contains("QueueDoesNotExist") || code.contains("NonExistentQueue") {
            return Self::NoQueue(String::new());
        }
        let not_held = ["ReceiptHandleIsInvalid", "MessageNotInflight"];
        if not_held.iter().any(|part| code.contains(part)) || message.contains("receipt handle") {
            return Self::NotHeld(message);
        }
        Self::Refused { code: one_line(code), message }
    }

    /// The same, with the name of the queue that does not exist.
    pub(super) fn about(self, queue: &str) -> Self {
        match self {
            Self::NoQueue(_) => Self::NoQueue(queue.to_owned()),
            other => other,
        }
    }

    /// Whether somebody has to change a queue. Otherwise it may pass by itself.
    pub(super) fn is_configuration(&self) -> bool {
        matches!(self, Self::LosesEntries { .. } | Self::NoQueue(_))
    }
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    one_line(&text)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
