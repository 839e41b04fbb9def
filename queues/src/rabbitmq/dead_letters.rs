use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use nevent_webhooks::queue::Envelope;

use super::link::Link;
use super::message::{attempts_of, envelope_of, last_death_of, published_again};
use super::{RabbitMqError, RabbitMqOptions};

/// The dead letters of a queue: entries that failed at their last attempt, that lost their worker too
/// often, that cannot be read, or that are no events.
///
/// Each method fetches all dead letters and gives back those that stay. Another tool that does the same
/// at the same time does not see those.
///
/// ```no_run
/// use nevent_webhooks_queues::rabbitmq::{RabbitMqDeadLetters, RabbitMqOptions};
///
/// # async fn tool() -> Result<(), Box<dyn std::error::Error>> {
/// let options = RabbitMqOptions::new("amqp://guest:guest@127.0.0.1:5672/%2f", "tickets")?;
/// let dead = RabbitMqDeadLetters::connect(&options).await?;
/// for letter in dead.list(100).await? {
///     println!("{} {:?} {:?}", letter.id(), letter.event_type(), letter.reason());
/// }
/// let replayed = dead.replay_type("ticket.sold").await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct RabbitMqDeadLetters {
    options: RabbitMqOptions,
    link: Link,
}

/// A dead letter, as it was when it was listed.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    id: String,
    envelope: Option<Envelope>,
    attempts: u32,
    reason: DeadLetterReason,
}

/// Why an entry is a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// Its handler failed at the last attempt.
    Failed,
    /// Its worker vanished too often. See
    /// [`RabbitMqOptions::delivery_limit`].
    WorkerVanished,
    /// It is no event, or one that cannot be read. See
    /// [`Envelope::is_event`].
    NoEvent,
    /// The message is no envelope that this version can read.
    Unreadable,
    /// The broker moved it for another reason, such as a policy with a TTL.
    Broker,
}

impl RabbitMqDeadLetters {
    /// Connects to the broker, and declares the queues.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`]: the broker cannot be reached, or has one of the queues with other arguments.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &RabbitMqOptions) -> Result<Self, RabbitMqError> {
        Ok(Self { link: Link::connect(options).await?, options: options.clone() })
    }

    /// Lists up to `limit` dead letters. All of them stay.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`] if the broker fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, RabbitMqError> {
        let channel = self.link.session()?.connection.create_channel().await?;
        let mut letters = Vec::new();
        for _ in 0..self.count(&channel).await?.min(limit) {
            let Some(message) = self.fetch(&channel).await? else { break };
            letters.push(DeadLetter::of(&message));
        }
        give_back(channel).await?;
        Ok(letters)
    }

    /// Puts all dead letters into the queue again, with all their attempts. Returns how many.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`] if the broker fails. Call it again: what has been replayed is gone, but for one
    /// that may be in both queues.
    pub async fn replay_all(&self) -> Result<usize, RabbitMqError> {
        self.replay(|_| true).await
    }

    /// Puts the dead letters with this [`Envelope::id`] into the queue again. Returns how many.
    ///
    /// # Errors
    ///
    /// As for [`replay_all`](Self::replay_all).
    pub async fn replay_id(&self, id: &str) -> Result<usize, RabbitMqError> {
        self.replay(|letter| letter.id == id).await
    }

    /// Puts the dead letters of this event type into the queue again. Returns how many.
    ///
    /// # Errors
    ///
    /// As for [`replay_all`](Self::replay_all).
    pub async fn replay_type(&self, event_type: &str) -> Result<usize, RabbitMqError> {
        self.replay(|letter| letter.event_type() == Some(event_type)).await
    }

    /// Removes the dead letters with this [`Envelope::id`] for good. Returns how many.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`] if the broker fails.
    pub async fn drop_id(&self, id: &str) -> Result<usize, RabbitMqError> {
        self.each(|letter| letter.id == id, async |_| Ok(())).await
    }

    /// Removes all dead letters for good. Returns how many.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`] if the broker fails.
    pub async fn drop_all(&self) -> Result<usize, RabbitMqError> {
        self.each(|_| true, async |_| Ok(())).await
    }

    async fn replay(&self, chosen: impl Fn(&DeadLetter) -> bool) -> Result<usize, RabbitMqError> {
        let session = self.link.session()?;
        self.each(chosen, async |message| {
            let properties = published_again(&message.properties, 0);
            session.publish(&self.options.name, properties, &message.data).await
        })
        .await
    }

    /// Removes the chosen dead letters after `act` has succeeded for each, and gives back the others.
    async fn each(
        &self,
        chosen: impl Fn(&DeadLetter) -> bool,
        act: impl AsyncFn(&Delivery) -> Result<(), RabbitMqError>,
    ) -> Result<usize, RabbitMqError> {
        let channel = self.link.session()?.connection.create_channel().await?;
        let mut count = 0;
        // No more than there are now: a replayed entry may be a dead letter again before this ends.
        for _ in 0..self.count(&channel).await? {
            let Some(message) = self.fetch(&channel).await? else { break };
            if chosen(&DeadLetter::of(&message)) {
                act(&message).await?;
                message.acker.ack(BasicAckOptions::default()).await?;
                count += 1;
            }
        }
        give_back(channel).await?;
        Ok(count)
    }

    async fn count(&self, channel: &Channel) -> Result<usize, RabbitMqError> {
        let options = QueueDeclareOptions::durable().passive();
        let queue = self.options.dead();
        let queue = channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
        Ok(usize::try_from(queue.message_count()).unwrap_or(usize::MAX))
    }

    async fn fetch(&self, channel: &Channel) -> Result<Option<Delivery>, RabbitMqError> {
        let message =
            channel.basic_get(self.options.dead().into(), BasicGetOptions::default()).await?;
        Ok(message.map(|message| message.delivery))
    }
}

/// Closes the channel, after its acknowledgements. The broker then returns what was not acknowledged.
async fn give_back(channel: Channel) -> Result<(), RabbitMqError> {
    Ok(channel.close(200, "OK".into()).await?)
}

impl DeadLetter {
    fn of(message: &Delivery) -> Self {
        let properties = &message.properties;
        let envelope = envelope_of(properties, &message.data).ok();
        let message_id = properties.message_id().as_ref().map(ToString::to_string);
        let id = envelope.as_ref().map(|envelope| envelope.id().as_str().to_owned());
        let reason = reason(envelope.as_ref(), last_death_of(properties).as_deref());
        // The last attempt is not in the message: the broker moves it as it was.
        let last = u32::from(reason == DeadLetterReason::Failed);
        let attempts = attempts_of(properties).saturating_add(last);
        Self { id: id.or(message_id).unwrap_or_default(), envelope, attempts, reason }
    }

    /// [`Envelope::id`]; for a message that is no envelope, its `message_id`, which may be empty.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The event's type, if the message is an envelope of an event.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.envelope.as_ref()?.event_type()
    }

    /// The entry, if the message can be read as one.
    #[must_use]
    pub fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// How often its handler has failed.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why it is a dead letter.
    #[must_use]
    pub fn reason(&self) -> DeadLetterReason {
        self.reason
    }
}

fn reason(envelope: Option<&Envelope>, death: Option<&str>) -> DeadLetterReason {
    match (death, envelope) {
        (Some("delivery_limit"), _) => DeadLetterReason::WorkerVanished,
        (Some("rejected"), None) => DeadLetterReason::Unreadable,
        (Some("rejected"), Some(envelope)) if envelope.is_event() => DeadLetterReason::Failed,
        (Some("rejected"), Some(_)) => DeadLetterReason::NoEvent,
        _ => DeadLetterReason::Broker,
    }
}
