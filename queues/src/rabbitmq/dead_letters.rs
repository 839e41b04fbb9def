use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use nevent_webhooks::queue::Envelope;
use tokio::sync::Mutex;

use super::link::Link;
use super::message::{attempts_of, envelope_of, last_death_of, replayed, vanished_of};
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
    channel: Mutex<Option<Channel>>,
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
    /// [`Envelope::is_readable`].
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
        let link = Link::connect(options).await?;
        Ok(Self { link, options: options.clone(), channel: Mutex::default() })
    }

    /// Lists up to `limit` dead letters. All of them stay.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`] if the broker fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, RabbitMqError> {
        let mut letters = Vec::new();
        let visit = async |message: &Delivery| {
            letters.push(DeadLetter::of(message, &self.options));
            Ok(false)
        };
        self.visit(limit, visit).await?;
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
            let properties = replayed(&message.properties);
            session.publish(&self.options.name, properties, &message.data).await
        })
        .await
    }

    /// Removes the chosen dead letters after `act` has succeeded for each. Returns how many.
    async fn each(
        &self,
        chosen: impl Fn(&DeadLetter) -> bool,
        act: impl AsyncFn(&Delivery) -> Result<(), RabbitMqError>,
    ) -> Result<usize, RabbitMqError> {
        let mut count = 0;
        let visit = async |message: &Delivery| {
            let is_chosen = chosen(&DeadLetter::of(message, &self.options));
            if is_chosen {
                act(message).await?;
                count += 1;
            }
            Ok(is_chosen)
        };
        self.visit(usize::MAX, visit).await?;
        Ok(count)
    }

    /// Fetches up to `limit` dead letters. Removes those for which `visit` returns true, and then gives
    /// back the others.
    async fn visit(
        &self,
        mut limit: usize,
        mut visit: impl AsyncFnMut(&Delivery) -> Result<bool, RabbitMqError>,
    ) -> Result<(), RabbitMqError> {
        // If this fails, the broker has back what was fetched when it has closed the channel.
        let mut kept = self.channel.lock().await;
        let channel = self.channel(kept.take()).await?;
        let (queue, mut last) = (self.options.dead(), None);
        while limit > 0 {
            let got = channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await?;
            let Some(got) = got else { break };
            // No more than there are now: what is replayed may be a dead letter again before this ends.
            limit = limit
                .min(usize::try_from(got.message_count).unwrap_or(usize::MAX).saturating_add(1))
                - 1;
            if visit(&got.delivery).await? {
                if !got.delivery.acker.ack(BasicAckOptions::default()).await? {
                    return Err(RabbitMqError::Broker(
                        "the channel ended before it was removed".into(),
                    ));
                }
            } else {
                last = Some(got.delivery.acker.clone());
            }
        }
        if let Some(last) = last {
            last.nack(BasicNackOptions { multiple: true, requeue: true }).await?;
        }
        *kept = Some(channel);
        Ok(())
    }

    /// The channel of the last call, or another one. The queue takes messages back in the background. On
    /// the same channel, the next call fetches them after that.
    async fn channel(&self, kept: Option<Channel>) -> Result<Channel, RabbitMqError> {
        match kept {
            Some(channel) if channel.status().connected() => Ok(channel),
            _ => Ok(self.link.session()?.connection.create_channel().await?),
        }
    }
}

impl DeadLetter {
    fn of(message: &Delivery, options: &RabbitMqOptions) -> Self {
        let properties = &message.properties;
        let envelope = envelope_of(properties, &message.data).ok();
        let message_id = properties.message_id().as_ref().map(ToString::to_string);
        let id = envelope.as_ref().map(|envelope| envelope.id().as_str().to_owned());
        let reason = if vanished_of(properties) > options.delivery_limit {
            DeadLetterReason::WorkerVanished
        } else {
            reason(envelope.as_ref(), last_death_of(properties).as_deref())
        };
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
        (Some("rejected"), Some(envelope)) if envelope.is_readable() => DeadLetterReason::Failed,
        (Some("rejected"), Some(_)) => DeadLetterReason::NoEvent,
        _ => DeadLetterReason::Broker,
    }
}
