use std::sync::Arc;

use rdkafka::Message;
use rdkafka::message::{OwnedHeaders, OwnedMessage};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::{JoinHandle, spawn_blocking};

use super::client::Limit;
use super::message::{attempts_of, envelope_of, reason_of, replayed};
use super::publisher::{Publisher, Record};
use super::{KafkaError, KafkaOptions, dead_log};
use crate::{DeadLetter, Select};

/// The dead letters of a topic: entries that failed at their last attempt, that lost their worker too
/// often, that cannot be read, or that are no events.
///
/// Each method reads the whole topic of dead letters.
///
/// ```no_run
/// use nevent_webhooks_queues::Select;
/// use nevent_webhooks_queues::kafka::{KafkaDeadLetters, KafkaOptions};
///
/// # async fn tool() -> Result<(), Box<dyn std::error::Error>> {
/// let options = KafkaOptions::new("kafka-1:9092,kafka-2:9092", "tickets")?;
/// let dead = KafkaDeadLetters::connect(&options).await?;
/// for letter in dead.list(100).await? {
///     println!("{} {:?} {}", letter.id(), letter.event_type(), letter.reason());
/// }
/// let replayed = dead.replay(Select::Type("ticket.sold")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct KafkaDeadLetters {
    options: Arc<KafkaOptions>,
    publisher: Publisher,
}

/// How many dead letters are in memory while they are read.
const IN_MEMORY: usize = 16;

impl KafkaDeadLetters {
    /// Connects to the brokers, creates the topics that do not exist, and checks the others.
    ///
    /// # Errors
    ///
    /// [`KafkaError`]: no broker can be reached, or a topic would lose entries.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &KafkaOptions) -> Result<Self, KafkaError> {
        let largest = options.check().await?;
        let publisher = Publisher::new(options, Limit::of_copies(largest))?;
        Ok(Self { options: Arc::new(options.clone()), publisher })
    }

    /// Lists up to `limit` dead letters. All of them stay.
    ///
    /// # Errors
    ///
    /// [`KafkaError`] if the brokers fail.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, KafkaError> {
        let (mut messages, reading) = self.read();
        let mut letters = Vec::new();
        while letters.len() < limit
            && let Some(message) = messages.recv().await
        {
            letters.push(letter_of(&message));
        }
        drop(messages);
        ended(reading).await?;
        Ok(letters)
    }

    /// Puts dead letters into the topic again, with all their attempts. Returns how many.
    ///
    /// # Errors
    ///
    /// [`KafkaError`] if the brokers fail. Call it again: what has been replayed is gone, but for one that
    /// may be in both topics. [`KafkaError::TooLarge`] if a dead letter no longer fits, because somebody has
    /// lowered the limit. It stays, and all others are replayed.
    pub async fn replay(&self, select: Select<'_>) -> Result<usize, KafkaError> {
        self.remove(select, true).await
    }

    /// Removes dead letters, for example those of a fan who is to be forgotten. Returns how many.
    ///
    /// They are gone for all methods at once. The brokers delete their bytes when they next compact the
    /// topic, within about two days.
    ///
    /// # Errors
    ///
    /// [`KafkaError`] if the brokers fail.
    pub async fn delete(&self, select: Select<'_>) -> Result<usize, KafkaError> {
        self.remove(select, false).await
    }

    /// Removes the chosen dead letters, each after it is in the topic again if it is to be. Returns how many.
    async fn remove(&self, select: Select<'_>, is_replayed: bool) -> Result<usize, KafkaError> {
        let (mut messages, reading) = self.read();
        let (mut count, mut too_large) = (0, None);
        while let Some(message) = messages.recv().await {
            if !select.includes(&letter_of(&message)) {
                continue;
            }
            if is_replayed {
                match self.put_again(&message).await {
                    Ok(()) => {}
                    // Otherwise it would hold up all those after it, in each call.
                    Err(error @ KafkaError::TooLarge) => {
                        too_large = Some(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            self.bury(&message).await?;
            count += 1;
        }
        ended(reading).await?;
        too_large.map_or(Ok(count), Err)
    }

    async fn put_again(&self, message: &OwnedMessage) -> Result<(), KafkaError> {
        let envelope = envelope_of(message);
        let key = envelope.map_or_else(|_| String::new(), |one| (self.options.key)(&one));
        let record = Record {
            topic: &self.options.topic,
            partition: None,
            key: key.as_bytes(),
            headers: replayed(message),
            value: message.payload(),
        };
        self.publisher.publish(record).await
    }

    /// Publishes the record that ends a dead letter, into the same partition even if the topic has got more
    /// of them.
    async fn bury(&self, message: &OwnedMessage) -> Result<(), KafkaError> {
        let record = Record {
            topic: &self.options.dead(),
            partition: Some(message.partition()),
            key: message.key().unwrap_or_default(),
            headers: OwnedHeaders::new(),
            value: None,
        };
        self.publisher.publish(record).await
    }

    /// Reads the dead letters that there are now, until nobody listens. Its callers take them without async
    /// closures, with which their futures could not be sent to another thread.
    fn read(&self) -> (Receiver<OwnedMessage>, Reading) {
        let (options, (sender, messages)) = (Arc::clone(&self.options), channel(IN_MEMORY));
        (messages, spawn_blocking(move || dead_log::read(&options, &sender)))
    }
}

type Reading = JoinHandle<Result<(), KafkaError>>;

async fn ended(reading: Reading) -> Result<(), KafkaError> {
    let failed = || KafkaError::Broker("the reader has failed".to_owned());
    reading.await.unwrap_or_else(|_| Err(failed()))
}

fn letter_of(message: &OwnedMessage) -> DeadLetter {
    let content = envelope_of(message).map_err(|_| message.payload().unwrap_or_default().to_vec());
    let id = match &content {
        Ok(envelope) => envelope.id().as_str().to_owned(),
        Err(_) => String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
    };
    let reason = reason_of(message).unwrap_or_else(|| "broker".to_owned());
    DeadLetter { id, reason, attempts: attempts_of(message), content }
}
