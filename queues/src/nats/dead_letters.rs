use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{
    DeleteMessageErrorKind, LastRawMessageErrorKind, RawMessageError, Stream,
};

use super::dead_letter::letter_of;
use super::link::Link;
use super::message::{name, replayed};
use super::{NatsError, NatsOptions};
use crate::{DeadLetter, Select};

/// Dead letters: lists, replays and deletes them.
///
/// ```no_run
/// use nevent_webhooks_queues::Select;
/// use nevent_webhooks_queues::nats::{NatsDeadLetters, NatsError, NatsOptions};
///
/// # async fn replay() -> Result<(), NatsError> {
/// let options = NatsOptions::new("nats://127.0.0.1:4222", "tickets")?;
/// let dead = NatsDeadLetters::connect(&options).await?;
/// for letter in dead.list(100).await? {
///     println!("{} {:?} {}", letter.id(), letter.event_type(), letter.reason());
/// }
/// dead.replay(Select::Type("ticket.sold")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct NatsDeadLetters {
    link: Link,
    options: NatsOptions,
}

impl NatsDeadLetters {
    /// Connects to a server, and creates the streams or checks those that exist.
    ///
    /// # Errors
    ///
    /// [`NatsError`]: no server can be reached, or one of the streams would lose entries.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &NatsOptions) -> Result<Self, NatsError> {
        Ok(Self { link: Link::connect(options).await?, options: options.clone() })
    }

    /// Lists up to `limit` dead letters, the oldest first.
    ///
    /// # Errors
    ///
    /// [`NatsError`].
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, NatsError> {
        let mut letters = Vec::new();
        let mut all = self.all().await?;
        while letters.len() < limit
            && let Some((_, letter)) = all.next().await?
        {
            letters.push(letter);
        }
        Ok(letters)
    }

    /// Puts the selected dead letters back into the stream of the entries, with all their attempts left.
    /// Returns how many.
    ///
    /// Each is put before it is deleted: a crash in between leaves two copies.
    ///
    /// # Errors
    ///
    /// [`NatsError`]. Those before the failure are replayed.
    pub async fn replay(&self, select: Select<'_>) -> Result<usize, NatsError> {
        let put = async |message: &StreamMessage| {
            let mut headers = replayed(&message.headers);
            name(&mut headers, "replay", message.sequence, message.time.unix_timestamp_nanos());
            self.link.publish(&self.options.name, headers, message.payload.clone()).await
        };
        self.remove(select, put).await
    }

    /// Deletes the selected dead letters. **They are lost.** Returns how many.
    ///
    /// # Errors
    ///
    /// [`NatsError`]. Those before the failure are deleted.
    pub async fn delete(&self, select: Select<'_>) -> Result<usize, NatsError> {
        self.remove(select, async |_| Ok(())).await
    }

    /// Deletes the selected dead letters after `act` has succeeded for each. Returns how many.
    async fn remove(
        &self,
        select: Select<'_>,
        act: impl AsyncFn(&StreamMessage) -> Result<(), NatsError>,
    ) -> Result<usize, NatsError> {
        let (mut all, mut count) = (self.all().await?, 0);
        while let Some((message, letter)) = all.next().await? {
            if select.includes(&letter) {
                act(&message).await?;
                delete(&all.stream, message.sequence).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Those that there are now. What is replayed may be a dead letter again before the last one is reached.
    async fn all(&self) -> Result<Letters, NatsError> {
        self.link.check()?;
        let stream = self.options.declare(&self.link.context).await?;
        let state = &stream.cached_info().state;
        let (next, last) = (state.first_sequence.max(1), state.last_sequence);
        Ok(Letters { stream, next, last })
    }
}

struct Letters {
    stream: Stream,
    next: u64,
    last: u64,
}

impl Letters {
    async fn next(&mut self) -> Result<Option<(StreamMessage, DeadLetter)>, NatsError> {
        if self.next > self.last {
            return Ok(None);
        }
        match self.stream.get_first_raw_message_by_subject(">", self.next).await {
            Ok(message) if message.sequence <= self.last => {
                self.next = message.sequence + 1;
                let letter = letter_of(&message);
                Ok(Some((message, letter)))
            }
            Ok(_) => Ok(None),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(NatsError::server(&error)),
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

/// One that has expired in the meantime, or that somebody else has deleted, is no failure.
async fn delete(stream: &Stream, sequence: u64) -> Result<(), NatsError> {
    match stream.delete_message(sequence).await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            DeleteMessageErrorKind::JetStream(refusal) if is_gone(refusal.error_code()) => Ok(()),
            _ => Err(NatsError::server(&error)),
        },
    }
}

fn is_gone(code: ErrorCode) -> bool {
    [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::SEQUENCE_NOT_FOUND].contains(&code)
}
