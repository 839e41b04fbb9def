//! An entry that a worker has taken, and the ways that it can go.

use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use lapin::{BasicProperties, Channel};
use tokio::time::timeout;

use super::message::{attempts_of, envelope_of, published_again, vanished_before_of, vanished_of};
use super::{RabbitMqError, RabbitMqOptions};
use crate::content::Content;

/// A message that is not acknowledged yet.
pub(super) struct Taken {
    pub(super) delivery: Delivery,
    /// The channel closes with its last clone, and the broker would deliver the message again.
    pub(super) channel: Channel,
    /// How long an acknowledgement may take.
    pub(super) limit: Duration,
}

impl Taken {
    pub(super) fn content(&self, options: &RabbitMqOptions) -> Content {
        let content = Content::of(envelope_of(&self.delivery.properties, &self.delivery.data));
        if self.is_killer(options) { content.killer() } else { content }
    }

    pub(super) fn attempts(&self) -> u32 {
        attempts_of(&self.delivery.properties)
    }

    /// How often the entry's worker has vanished.
    pub(super) fn vanished(&self) -> u32 {
        vanished_of(&self.delivery.properties)
    }

    /// Whether the entry's workers have vanished too often. The broker enforces the limit itself for a
    /// message that is always in the same queue. It forgets its count when the entry is published again.
    fn is_killer(&self, options: &RabbitMqOptions) -> bool {
        vanished_before_of(&self.delivery.properties) > options.delivery_limit
    }

    /// The properties of the message that is published for another attempt.
    pub(super) fn again(&self, attempts: u32) -> BasicProperties {
        published_again(&self.delivery.properties, attempts)
    }

    /// Whether the broker still waits for the acknowledgement. Otherwise it delivers the message again.
    pub(super) fn is_held(&self) -> bool {
        self.channel.status().connected()
    }

    pub(super) async fn acknowledge(&self) -> Result<(), RabbitMqError> {
        self.written(self.delivery.acker.ack(BasicAckOptions::default())).await
    }

    /// Makes a dead letter of it. The broker moves it, without a moment in which it is nowhere or in two
    /// places.
    pub(super) async fn reject(&self) -> Result<(), RabbitMqError> {
        self.written(self.delivery.acker.reject(BasicRejectOptions { requeue: false })).await
    }

    /// Returns the message to its queue. It counts as a delivery.
    pub(super) async fn give_back(&self) -> Result<(), RabbitMqError> {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        self.written(self.delivery.acker.nack(options)).await
    }

    /// With a time limit, because a connection that writes nothing would otherwise hold up a shutdown.
    async fn written(
        &self,
        answer: impl Future<Output = lapin::Result<bool>>,
    ) -> Result<(), RabbitMqError> {
        match timeout(self.limit, answer).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(RabbitMqError::Broker(
                "the channel ended before the acknowledgement, so the entry is delivered again"
                    .to_owned(),
            )),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(RabbitMqError::TimedOut(self.limit)),
        }
    }
}
