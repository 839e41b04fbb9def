use async_nats::jetstream::message::StreamMessage;

use super::dead_letter::letter_of;
use super::link::Link;
use super::message::{name, replayed};
use super::messages::Messages;
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
        let (mut all, mut letters) = (self.all().await?, Vec::new());
        while letters.len() < limit
            && let Some(message) = all.next().await?
        {
            letters.push(letter_of(&message));
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
    /// [`NatsError`]. Those before the failure are replayed. [`NatsError::TooLarge`] if a dead letter no longer
    /// fits, because somebody has lowered the limit. It stays, and all others are replayed.
    pub async fn replay(&self, select: Select<'_>) -> Result<usize, NatsError> {
        self.remove(select, true).await
    }

    /// Deletes the selected dead letters. **They are lost.** Returns how many.
    ///
    /// # Errors
    ///
    /// [`NatsError`]. Those before the failure are deleted.
    pub async fn delete(&self, select: Select<'_>) -> Result<usize, NatsError> {
        self.remove(select, false).await
    }

    /// Deletes the selected dead letters, each after it is in the stream of the entries again if it is to be.
    /// Returns how many. It takes no async closure, with which the future could not be sent to another thread.
    async fn remove(&self, select: Select<'_>, is_replayed: bool) -> Result<usize, NatsError> {
        let (mut all, mut count, mut too_large) = (self.all().await?, 0, None);
        while let Some(message) = all.next().await? {
            if !select.includes(&letter_of(&message)) {
                continue;
            }
            if is_replayed {
                match self.put_again(&message).await {
                    Ok(()) => {}
                    // Otherwise it would hold up all those after it, in each call.
                    Err(error @ NatsError::TooLarge { .. }) => {
                        too_large = Some(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            all.delete(&message).await?;
            count += 1;
        }
        too_large.map_or(Ok(count), Err)
    }

    async fn put_again(&self, message: &StreamMessage) -> Result<(), NatsError> {
        let mut headers = replayed(&message.headers);
        name(&mut headers, "replay", message.sequence, message.time.unix_timestamp_nanos());
        self.link.publish(&self.options.name, headers, message.payload.clone()).await
    }

    /// Those that there are now. What is replayed may be a dead letter again before the last one is reached.
    async fn all(&self) -> Result<Messages, NatsError> {
        self.link.check()?;
        Ok(Messages::all(self.options.declare(&self.link.context).await?.dead))
    }
}
