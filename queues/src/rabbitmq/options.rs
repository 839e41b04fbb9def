use std::fmt;
use std::time::Duration;

use lapin::uri::{AMQPScheme, AMQPUri};

use super::RabbitMqError;
use crate::RetryPolicy;

/// The broker, the queue and its settings. Receivers, workers and tools must have the same: the broker
/// refuses to declare a queue with other arguments than it has.
///
/// ```
/// use nevent_webhooks_queues::rabbitmq::RabbitMqOptions;
///
/// # fn main() -> Result<(), nevent_webhooks_queues::rabbitmq::RabbitMqError> {
/// let options = RabbitMqOptions::new("amqp://guest:guest@127.0.0.1:5672/%2f", "tickets")?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct RabbitMqOptions {
    pub(super) uri: AMQPUri,
    pub(super) name: String,
    pub(super) retry: RetryPolicy,
    pub(super) concurrency: u16,
    pub(super) delivery_limit: u32,
    pub(super) dead_letters_for: Duration,
    pub(super) timeout: Duration,
}

impl RabbitMqOptions {
    /// Creates the default options for this broker, and this name of a queue.
    ///
    /// There is one URL. For a cluster, it has a name that leads to any of the nodes, or that of a load balancer.
    ///
    /// The connection has a heartbeat of 10 s, unless the URL has another one, such as `?heartbeat=30`. A URL with
    /// `?heartbeat=0` has 10 s, too, because without a heartbeat a dead connection is not noticed.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError::Url`], [`RabbitMqError::Name`]; [`RabbitMqError::NoTls`] for `amqps://` without the
    /// feature `rabbitmq-tls`.
    pub fn new(url: &str, queue: &str) -> Result<Self, RabbitMqError> {
        let mut uri: AMQPUri = url.parse().map_err(|_| RabbitMqError::Url)?;
        if uri.scheme == AMQPScheme::AMQPS && cfg!(not(feature = "rabbitmq-tls")) {
            return Err(RabbitMqError::NoTls);
        }
        if queue.is_empty() || queue.len() > 200 || queue.starts_with("amq.") {
            return Err(RabbitMqError::Name);
        }
        // The broker's default of 60 s would leave a dead connection unnoticed for two minutes.
        uri.query.heartbeat = uri.query.heartbeat.filter(|seconds| *seconds > 0).or(Some(10));
        Ok(Self {
            uri,
            name: queue.to_owned(),
            retry: RetryPolicy::new(),
            concurrency: 16,
            delivery_limit: 50,
            dead_letters_for: Duration::from_secs(30 * 24 * 60 * 60),
            timeout: Duration::from_secs(5),
        })
    }

    /// Sets when a worker tries an entry again. See [`RetryPolicy`] for the default.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets how many entries a worker handles at a time. 16 by default, at least 1.
    ///
    /// It is also the prefetch count: the broker sends a worker no more entries than these.
    pub fn concurrency(mut self, entries: u16) -> Self {
        self.concurrency = entries.max(1);
        self
    }

    /// Sets how often an entry is delivered again after its worker has vanished. Then the entry is a dead
    /// letter. 50 by default. Do not set it below 10: entries that shared a worker with one that kills it need
    /// some deliveries until they have their turn before it.
    ///
    /// It ends the loop of an entry that kills its worker. A restart of the worker or of the broker
    /// counts for all entries that were in flight. The broker counts deliveries from one queue, and the
    /// worker adds them up in a header when it publishes the entry again. Each of the two counts has this
    /// limit, so an entry can kill up to twice as many workers if leases sometimes expire before the
    /// next delivery.
    pub fn delivery_limit(mut self, deliveries: u32) -> Self {
        self.delivery_limit = deliveries;
        self
    }

    /// Sets how long dead letters are kept. 30 days by default, at most 49 days. **Then they are lost.**
    pub fn dead_letters_for(mut self, time: Duration) -> Self {
        self.dead_letters_for = time;
        self
    }

    /// Sets how long to wait for a connection, and for the confirmation of a message. 5 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Without the URL, which has a password.
impl fmt::Debug for RabbitMqOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqOptions")
            .field("host", &self.uri.authority.host)
            .field("queue", &self.name)
            .field("retry", &self.retry)
            .field("concurrency", &self.concurrency)
            .field("delivery_limit", &self.delivery_limit)
            .field("dead_letters_for", &self.dead_letters_for)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_connection_is_without_a_heartbeat() {
        for (query, expected) in [("", 10), ("?heartbeat=30", 30), ("?heartbeat=0", 10)] {
            let url = format!("amqp://host:5672/%2f{query}");
            let options = RabbitMqOptions::new(&url, "tickets").expect("a URL");
            assert_eq!(options.uri.query.heartbeat, Some(expected), "{query}");
        }
    }
}
