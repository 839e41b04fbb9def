//! Messages in the stream of dead letters.

use async_nats::jetstream::message::StreamMessage;

use super::message::{ATTEMPTS, REASON, SEQUENCE, count, envelope_of, text};
use crate::DeadLetter;

/// The reason of a message that no worker has put there.
const BROKER: &str = "broker";

pub(super) fn letter_of(message: &StreamMessage) -> DeadLetter {
    let headers = &message.headers;
    let content = envelope_of(headers, &message.payload).map_err(|_| message.payload.to_vec());
    let id = match &content {
        Ok(envelope) => envelope.id().as_str().to_owned(),
        Err(_) => text(headers, SEQUENCE).unwrap_or_default().to_owned(),
    };
    let reason = text(headers, REASON).unwrap_or(BROKER).to_owned();
    DeadLetter { id, reason, attempts: count(headers, ATTEMPTS), content }
}
