//! Messages that a stream has confirmed.

use std::error::Error;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use tokio::time::timeout;

use super::NatsError;
use super::error::one_line;
use super::link::Link;

impl Link {
    /// Publishes a message into a stream, and waits for the confirmation that the stream has it.
    pub(super) async fn publish(
        &self,
        stream: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), NatsError> {
        self.check()?;
        let published = self.publish_unlimited(stream, headers, body);
        timeout(self.limit, published).await.unwrap_or(Err(NatsError::TimedOut(self.limit)))
    }

    async fn publish_unlimited(
        &self,
        stream: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), NatsError> {
        let failed = |error: PublishError| self.failed(stream, &error);
        // Otherwise another stream of the same subject could take the message.
        let message =
            PublishMessage::build().payload(body).headers(headers).expected_stream(stream);
        let sent = self.context.send_publish(stream.to_owned(), message).await.map_err(failed)?;
        let confirmed = sent.await.map_err(failed)?;
        stored(stream, &confirmed.stream, confirmed.sequence)
    }

    fn failed(&self, stream: &str, error: &PublishError) -> NatsError {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => NatsError::TooLarge { limit: self.largest() },
            _ if is_too_large(error) => {
                // Somebody may have lowered the limit.
                self.look();
                NatsError::TooLarge { limit: self.largest() }
            }
            PublishErrorKind::TimedOut => NatsError::TimedOut(self.limit),
            PublishErrorKind::BrokenPipe => NatsError::Server(one_line(error)),
            _ => {
                self.look();
                NatsError::Refused { stream: stream.to_owned(), detail: one_line(error) }
            }
        }
    }
}

/// Whether the stream has the message, or why not. `duplicate` is as good: the stream has had this very message
/// before.
///
/// In a cluster, some servers of the series 2.10 note the name of a message before the other servers agree to it.
/// Until then, and for two minutes if they never agree, they answer a second try without an error: a duplicate
/// with the number 0. A worker that took this for a confirmation would delete the only copy.
fn stored(stream: &str, confirmed_by: &str, sequence: u64) -> Result<(), NatsError> {
    let name = || stream.to_owned();
    if confirmed_by != stream {
        let detail = format!("the stream `{confirmed_by}` has taken it");
        return Err(NatsError::Refused { stream: name(), detail });
    }
    if sequence == 0 {
        return Err(NatsError::NotYetStored { stream: name() });
    }
    Ok(())
}

fn is_too_large(error: &PublishError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    source.is_some_and(|error| error.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_names_the_stream_and_a_number() {
        stored("tickets", "tickets", 1).expect("a confirmation");
        let other = stored("tickets", "others", 1).expect_err("another stream has it");
        assert!(other.to_string().contains("`others`"), "{other}");
        assert!(other.is_refusal() && other.is_certain());
    }

    /// If it were certain, the entry would be given back for the whole delay. By then the server has forgotten the
    /// copy's name, and an entry that has its copy in the stream after all would be tried twice as often.
    #[test]
    fn a_message_that_the_server_knows_may_be_in_the_stream_later() {
        // `{"stream":"tickets","seq":0,"duplicate":true}`
        let unstored = stored("tickets", "tickets", 0).expect_err("no stream has it");
        assert!(unstored.to_string().contains("not stored"), "{unstored}");
        assert!(unstored.is_refusal() && !unstored.is_certain());
    }
}
