//! An entry that a worker has taken, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use nevent_webhooks::queue::{Envelope, Handled};

use super::message::{attempts_of, envelope_of, published_again, vanished_of};
use super::publisher::Session;
use super::{RabbitMqError, RabbitMqOptions};

/// A message that is not acknowledged yet.
pub(super) struct Taken {
    pub(super) delivery: Delivery,
    pub(super) session: Arc<Session>,
    /// The channel closes with its last clone, and the broker would deliver the message again.
    pub(super) _channel: Channel,
}

/// What becomes of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    /// Again after this delay, with this many failed attempts.
    Retry {
        delay: Duration,
        attempts: u32,
    },
    DeadLetter,
}

impl Fate {
    /// The handler did not run if the entry is in flight elsewhere or the store has failed: neither is an
    /// attempt.
    pub(super) fn of<T, E>(
        handled: &Handled<T, E>,
        attempts: u32,
        options: &RabbitMqOptions,
    ) -> Self {
        let failed = attempts.saturating_add(1);
        match handled {
            Handled::Done(_) | Handled::AlreadyDone => Self::Done,
            Handled::InProgress { lease, .. } => {
                Self::Retry { delay: options.delay_of_at_least(*lease), attempts }
            }
            Handled::Refused(_) => {
                let next = options.retry.delay_after(failed);
                Self::Retry {
                    delay: next.unwrap_or(options.delay_of_at_least(Duration::MAX)),
                    attempts,
                }
            }
            _ => match options.retry.delay_after(failed) {
                Some(delay) => Self::Retry { delay, attempts: failed },
                None => Self::DeadLetter,
            },
        }
    }
}

impl Taken {
    /// The entry, if it can be read.
    pub(super) fn envelope(&self) -> Option<Envelope> {
        envelope_of(&self.delivery.properties, &self.delivery.data).ok()
    }

    pub(super) fn attempts(&self) -> u32 {
        attempts_of(&self.delivery.properties)
    }

    /// Whether the entry's workers have vanished too often. The broker enforces the limit itself for a
    /// message that is always in the same queue. It forgets its count when the entry is published again.
    pub(super) fn is_killer(&self, options: &RabbitMqOptions) -> bool {
        vanished_of(&self.delivery.properties) > options.delivery_limit
    }

    pub(super) async fn meet(
        &self,
        fate: Fate,
        options: &RabbitMqOptions,
    ) -> Result<(), RabbitMqError> {
        match fate {
            Fate::Done => self.acknowledge().await,
            Fate::Retry { delay, attempts } => {
                let properties = published_again(&self.delivery.properties, attempts);
                let queue = options.retry_queue(delay);
                // Before the acknowledgement: a crash in between leaves two copies, and not none.
                self.session.publish(&queue, properties, &self.delivery.data).await?;
                self.acknowledge().await
            }
            // The broker moves it, without a moment in which it is nowhere or in two places.
            Fate::DeadLetter => {
                self.delivery.acker.reject(BasicRejectOptions { requeue: false }).await?;
                Ok(())
            }
        }
    }

    async fn acknowledge(&self) -> Result<(), RabbitMqError> {
        self.delivery.acker.ack(BasicAckOptions::default()).await?;
        Ok(())
    }

    /// Returns the message to its queue. It counts as a delivery.
    pub(super) async fn give_back(&self) {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        // If the channel has ended, the broker has it back already.
        let _ = self.delivery.acker.nack(options).await;
    }
}
