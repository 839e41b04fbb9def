//! The messages in a stream, one after the other, without a consumer.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{
    DeleteMessageErrorKind, LastRawMessageErrorKind, RawMessageError, Stream,
};

use super::NatsError;

/// Those with the numbers from `next` to `last`.
pub(super) struct Messages {
    stream: Stream,
    next: u64,
    last: u64,
}

impl Messages {
    /// All that there are now.
    pub(super) fn all(stream: Stream) -> Self {
        let last = stream.cached_info().state.last_sequence;
        Self::up_to(last, stream)
    }

    pub(super) fn up_to(last: u64, stream: Stream) -> Self {
        let next = stream.cached_info().state.first_sequence.max(1);
        Self { stream, next, last }
    }

    pub(super) async fn next(&mut self) -> Result<Option<StreamMessage>, NatsError> {
        if self.next > self.last {
            return Ok(None);
        }
        match self.stream.get_first_raw_message_by_subject(">", self.next).await {
            Ok(message) if message.sequence <= self.last => {
                self.next = message.sequence + 1;
                Ok(Some(message))
            }
            Ok(_) => Ok(None),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(NatsError::server(&error)),
        }
    }

    /// Deletes a message. One that has expired in the meantime, or that somebody else has deleted, is no
    /// failure.
    pub(super) async fn delete(&self, message: &StreamMessage) -> Result<(), NatsError> {
        match self.stream.delete_message(message.sequence).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                DeleteMessageErrorKind::JetStream(refusal) if is_gone(refusal.error_code()) => {
                    Ok(())
                }
                _ => Err(NatsError::server(&error)),
            },
        }
    }
}

fn is_not_found(error: &RawMessageError) -> bool {
    match error.kind() {
        LastRawMessageErrorKind::NoMessageFound => true,
        LastRawMessageErrorKind::JetStream(error) => error.code() == 404,
        _ => false,
    }
}

fn is_gone(code: ErrorCode) -> bool {
    [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::SEQUENCE_NOT_FOUND].contains(&code)
}
