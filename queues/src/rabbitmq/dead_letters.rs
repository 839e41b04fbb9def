use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::dead_letter::letter_of;
use super::link::Link;
use super::message::replayed;
use super::{RabbitMqError, RabbitMqOptions};
use crate::{DeadLetter, Select};

/// The dead letters of a queue: entries that failed at their last attempt, that lost their worker too
/// often, that cannot be read, or that are no events.
///
/// Each method fetches all dead letters and gives back those that stay. Another tool that does the same
/// at the same time does not see those.
///
/// ```no_run
/// use nevent_webhooks_queues::Select;
/// use nevent_webhooks_queues::rabbitmq::{RabbitMqDeadLetters, RabbitMqOptions};
///
/// # async fn tool() -> Result<(), Box<dyn std::error::Error>> {
/// let options = RabbitMqOptions::new("amqp://guest:guest@127.0.0.1:5672/%2f", "tickets")?;
/// let dead = RabbitMqDeadLetters::connect(&options).await?;
/// for letter in dead.list(100).await? {
///     println!("{} {:?} {}", letter.id(), letter.event_type(), letter.reason());
/// }
/// let replayed = dead.replay(Select::Type("ticket.sold")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct RabbitMqDeadLetters {
    options: RabbitMqOptions,
    link: Link,
    channel: Mutex<Option<Channel>>,
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
        self.visit(limit, |letter| {
            letters.push(letter);
            Act::Keep
        })
        .await?;
        Ok(letters)
    }

    /// Puts dead letters into the queue again, with all their attempts. Returns how many.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`] if the broker fails. Call it again: what has been replayed is gone, but for one
    /// that may be in both queues. [`RabbitMqError::TooLarge`] if a dead letter no longer fits, because
    /// somebody has lowered the limit. It stays, and all others are replayed.
    pub async fn replay(&self, select: Select<'_>) -> Result<usize, RabbitMqError> {
        let act = |letter| if select.includes(&letter) { Act::Replay } else { Act::Keep };
        self.visit(usize::MAX, act).await
    }

    /// Removes dead letters for good, for example those of a fan who is to be forgotten. Returns how
    /// many.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`] if the broker fails.
    pub async fn delete(&self, select: Select<'_>) -> Result<usize, RabbitMqError> {
        let act = |letter| if select.includes(&letter) { Act::Delete } else { Act::Keep };
        self.visit(usize::MAX, act).await
    }

    /// Fetches up to `limit` dead letters, acts on each, and then gives back those that are kept. Returns
    /// how many are gone.
    async fn visit(
        &self,
        mut limit: usize,
        mut act: impl FnMut(DeadLetter) -> Act,
    ) -> Result<usize, RabbitMqError> {
        // If this fails, the broker has back what was fetched when it has closed the channel.
        let mut kept = self.channel.lock().await;
        let channel = self.channel(kept.take()).await?;
        let (queue, mut last, mut gone, mut too_large) = (self.options.dead(), None, 0, None);
        while limit > 0 {
            let got = channel.basic_get(queue.as_str().into(), BasicGetOptions::default());
            let Some(got) = self.answered(got).await? else { break };
            // No more than there are now: what is replayed may be a dead letter again before this ends.
            limit = limit
                .min(usize::try_from(got.message_count).unwrap_or(usize::MAX).saturating_add(1))
                - 1;
            match act(letter_of(&got.delivery, &self.options)) {
                Act::Keep => last = Some(got.delivery.acker.clone()),
                Act::Replay => match self.publish_again(&got.delivery).await {
                    Ok(()) => {
                        self.remove(&got.delivery).await?;
                        gone += 1;
                    }
                    // Otherwise it would hold up all those after it, in each call.
                    Err(error @ RabbitMqError::TooLarge(_)) => {
                        last = Some(got.delivery.acker.clone());
                        too_large = Some(error);
                    }
                    Err(error) => return Err(error),
                },
                Act::Delete => {
                    self.remove(&got.delivery).await?;
                    gone += 1;
                }
            }
        }
        if let Some(last) = last {
            self.answered(last.nack(BasicNackOptions { multiple: true, requeue: true })).await?;
        }
        *kept = Some(channel);
        too_large.map_or(Ok(gone), Err)
    }

    async fn publish_again(&self, message: &Delivery) -> Result<(), RabbitMqError> {
        let properties = replayed(&message.properties);
        self.link.session()?.publish(&self.options.name, properties, &message.data).await
    }

    /// The channel of the last call, or another one. The queue takes messages back in the background. On
    /// the same channel, the next call fetches them after that.
    async fn channel(&self, kept: Option<Channel>) -> Result<Channel, RabbitMqError> {
        match kept {
            Some(channel) if channel.status().connected() => Ok(channel),
            _ => {
                let session = self.link.session()?;
                self.answered(session.connection.create_channel()).await
            }
        }
    }

    async fn remove(&self, message: &Delivery) -> Result<(), RabbitMqError> {
        if self.answered(message.acker.ack(BasicAckOptions::default())).await? {
            return Ok(());
        }
        Err(RabbitMqError::Broker("the channel ended before it was removed".into()))
    }

    /// Waits for an answer of the broker, with a time limit. A broker whose memory or disk is nearly full reads
    /// nothing more from a connection that has published, and answers nothing on it.
    async fn answered<T>(
        &self,
        answer: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, RabbitMqError> {
        if self.link.session()?.connection.status().blocked() {
            return Err(RabbitMqError::Blocked);
        }
        let limit = self.options.timeout;
        Ok(timeout(limit, answer).await.map_err(|_| RabbitMqError::TimedOut(limit))??)
    }
}

/// What to do with a dead letter.
enum Act {
    Keep,
    Replay,
    Delete,
}
