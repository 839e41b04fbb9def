use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::RabbitMqError;

/// How many messages wait for their confirmations at a time, each on a channel of its own.
const CHANNELS: usize = 64;

/// One connection, with the channels on which messages are published.
///
/// A channel has one unconfirmed message at a time. Otherwise a message that the broker returns could not
/// be told from another one: the client gives it to whichever confirmation it resolves next, and the
/// broker can confirm several messages at once.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Connection,
    idle: Mutex<Vec<Channel>>,
    permits: Semaphore,
    limit: Duration,
}

impl Session {
    pub(super) fn new(connection: Connection, limit: Duration) -> Self {
        let permits = Semaphore::new(CHANNELS);
        Self { connection, idle: Mutex::default(), permits, limit }
    }

    /// Publishes a message into a queue, and waits for the confirmation that the queue has it.
    pub(super) async fn publish(
        &self,
        queue: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<(), RabbitMqError> {
        if self.connection.status().blocked() {
            return Err(RabbitMqError::Blocked);
        }
        let published = self.publish_unlimited(queue, properties, body);
        let limit = self.limit;
        timeout(limit, published).await.unwrap_or(Err(RabbitMqError::TimedOut(limit)))
    }

    async fn publish_unlimited(
        &self,
        queue: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<(), RabbitMqError> {
        let permit = self.permits.acquire().await;
        // Dropped on any error and at the time limit, which closes it: a late confirmation could otherwise
        // be taken for that of the next message.
        let channel = self.channel().await?;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent =
            channel.basic_publish("".into(), queue.into(), options, body, properties).await?;
        match sent.await.map_err(|error| RabbitMqError::of_put(&error))? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) => return Err(RabbitMqError::Returned(queue.to_owned())),
            Confirmation::Nack(_) => return Err(RabbitMqError::Refused(queue.to_owned())),
            Confirmation::NotRequested => {
                return Err(RabbitMqError::Broker("the channel has no confirmations".to_owned()));
            }
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(channel);
        drop(permit);
        Ok(())
    }

    async fn channel(&self) -> Result<Channel, RabbitMqError> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(channel) if channel.status().connected() => return Ok(channel),
                Some(_) => {}
                None => break,
            }
        }
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }
}
