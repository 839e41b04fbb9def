//! The queues, and their arguments. This is the configuration that loses nothing.

use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{Connection, ErrorKind};

use super::{RabbitMqError, RabbitMqOptions};
use crate::verdict::Verdict;

/// Dead letters are fetched and given back each time that they are listed. RabbitMQ 4 would drop them
/// after 20 times by default.
const UNLIMITED: u32 = 1_000_000_000;
/// The delay of the only retry queue of a policy without retries.
const NO_RETRY: Duration = Duration::from_secs(30);
/// The broker's longest TTL: 49 days.
const LONGEST_TTL: u32 = u32::MAX;

impl RabbitMqOptions {
    pub(super) fn dead(&self) -> String {
        format!("{}.dead", self.name)
    }

    pub(super) fn retry_queue(&self, delay: Duration) -> String {
        format!("{}.retry.{}", self.name, millis(delay))
    }

    /// The delays of the retry queues, the shortest first. At least one, because an entry that is in flight
    /// elsewhere waits too, whatever the policy says.
    fn delays(&self) -> Vec<Duration> {
        let mut delays: Vec<Duration> = Vec::new();
        for delay in self.retry.delays() {
            // From the longest on they are all the same, which may be billions.
            if delays.last() == Some(&delay) {
                break;
            }
            delays.push(delay);
        }
        if delays.is_empty() {
            delays.push(NO_RETRY);
        }
        delays
    }

    /// The same, with a delay that has a retry queue: the shortest that is at least as long, or the
    /// longest.
    pub(super) fn in_a_retry_queue(&self, verdict: Verdict) -> Verdict {
        verdict.with_delay(|least| {
            let delays = self.delays();
            let longest = delays.last().copied().unwrap_or(NO_RETRY);
            delays.into_iter().find(|delay| *delay >= least).unwrap_or(longest)
        })
    }

    /// Declares the queues. Each has a channel of its own, because the broker closes the channel of a
    /// declaration that it refuses.
    pub(super) async fn declare(&self, connection: &Connection) -> Result<(), RabbitMqError> {
        let mut dead = arguments();
        insert(&mut dead, "x-message-ttl", millis(self.dead_letters_for));
        insert(&mut dead, "x-delivery-limit", UNLIMITED.into());
        declare(connection, &self.dead(), dead).await?;
        let mut entries = dead_letters_to(&self.dead());
        insert(&mut entries, "x-delivery-limit", self.delivery_limit.into());
        declare(connection, &self.name, entries).await?;
        for delay in self.delays() {
            let mut retry = dead_letters_to(&self.name);
            insert(&mut retry, "x-message-ttl", millis(delay));
            declare(connection, &self.retry_queue(delay), retry).await?;
        }
        Ok(())
    }
}

/// A queue that refuses messages when it is full, and never drops any.
fn arguments() -> FieldTable {
    let mut arguments = FieldTable::default();
    text(&mut arguments, "x-queue-type", "quorum");
    text(&mut arguments, "x-overflow", "reject-publish");
    arguments
}

/// A queue whose dead letters leave it when the other queue has confirmed them. By default they leave it
/// at once, and are lost if the other queue is not available.
fn dead_letters_to(queue: &str) -> FieldTable {
    let mut arguments = arguments();
    text(&mut arguments, "x-dead-letter-exchange", "");
    text(&mut arguments, "x-dead-letter-routing-key", queue);
    text(&mut arguments, "x-dead-letter-strategy", "at-least-once");
    arguments
}

fn text(arguments: &mut FieldTable, name: &str, value: &str) {
    arguments.insert(name.into(), AMQPValue::LongString(LongString::from(value)));
}

fn insert(arguments: &mut FieldTable, name: &str, value: i64) {
    arguments.insert(name.into(), AMQPValue::LongLongInt(value));
}

fn millis(time: Duration) -> i64 {
    u32::try_from(time.as_millis()).unwrap_or(LONGEST_TTL).into()
}

async fn declare(
    connection: &Connection,
    queue: &str,
    arguments: FieldTable,
) -> Result<(), RabbitMqError> {
    let channel = connection.create_channel().await?;
    let declared = channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments);
    declared.await.map(drop).map_err(|error| refused(queue, &error))
}

/// Says what to do: the broker's text alone does not.
fn refused(queue: &str, error: &lapin::Error) -> RabbitMqError {
    let ErrorKind::ProtocolError(refusal) = error.kind() else {
        return RabbitMqError::Broker(super::error::one_line(error));
    };
    let (queue, detail) = (queue.to_owned(), refusal.get_message().to_string());
    match refusal.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
            if detail.contains("inequivalent") =>
        {
            RabbitMqError::OtherArguments { queue, detail }
        }
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
        | AMQPErrorKind::Hard(AMQPHardError::NOTIMPLEMENTED) => {
            RabbitMqError::NotDeclared { queue, detail }
        }
        _ => RabbitMqError::Broker(detail),
    }
}
