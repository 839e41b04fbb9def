use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;

use super::apart::EndsApart;
use super::check::client_error;
use super::client::Limit;
use super::{KafkaError, KafkaOptions};

/// Publishes records, and waits for their confirmations. The client restores its connections itself.
pub(super) struct Publisher {
    options: KafkaOptions,
    current: Mutex<Current>,
}

/// A record that is to be published.
pub(super) struct Record<'a> {
    pub(super) topic: &'a str,
    /// Chosen by the key if there is none.
    pub(super) partition: Option<i32>,
    pub(super) key: &'a [u8],
    pub(super) headers: OwnedHeaders,
    pub(super) value: Option<&'a [u8]>,
}

impl Publisher {
    pub(super) fn new(options: &KafkaOptions, limit: Limit) -> Result<Self, KafkaError> {
        let current = Mutex::new(Current::new(options, limit)?);
        Ok(Self { options: options.clone(), current })
    }

    /// Returns when all replicas that are in sync have the record.
    pub(super) async fn publish(&self, record: Record<'_>) -> Result<(), KafkaError> {
        let producer = Arc::clone(&self.now().producer);
        let mut sent = FutureRecord::to(record.topic).key(record.key).headers(record.headers);
        sent.payload = record.value;
        sent.partition = record.partition;
        let limit = self.options.timeout;
        let Err((error, _)) = producer.send(sent, Timeout::After(limit)).await else {
            return Ok(());
        };
        let error = KafkaError::of_put(&error, limit);
        if !matches!(error, KafkaError::TooLarge) {
            self.renew();
        }
        Err(error)
    }

    fn now(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes records up to another limit from now on: somebody has changed a topic.
    pub(super) fn adjust(&self, limit: Limit) {
        let mut current = self.now();
        if current.limit != limit {
            self.replace(&mut current, limit);
        }
    }

    /// Replaces the client, which may have failed for good. Not too often: a new one has to connect.
    fn renew(&self) {
        let mut current = self.now();
        if current.since.elapsed() >= self.options.timeout * 2 {
            let limit = current.limit;
            self.replace(&mut current, limit);
        }
    }

    fn replace(&self, current: &mut Current, limit: Limit) {
        if let Ok(new) = Current::new(&self.options, limit) {
            *current = new;
        }
    }
}

/// The producer, what it takes, and when it was created.
struct Current {
    /// Records that are on their way have it, too.
    producer: Arc<EndsApart<FutureProducer>>,
    limit: Limit,
    since: Instant,
}

impl Current {
    fn new(options: &KafkaOptions, limit: Limit) -> Result<Self, KafkaError> {
        let producer: FutureProducer = options.producer(limit).create().map_err(client_error)?;
        let producer = Arc::new(EndsApart::new(producer));
        Ok(Self { producer, limit, since: Instant::now() })
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Shared by the tasks of a worker.
pub(super) type Shared = Arc<Publisher>;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_new_limit_needs_a_new_client_and_the_same_limit_does_not() {
        let options = KafkaOptions::new("127.0.0.1:1", "tickets").expect("a name");
        let publisher = Publisher::new(&options, Limit::of_entries(2_100)).expect("a client");
        let first = publisher.now().since;
        publisher.adjust(Limit::of_entries(2_100));
        assert_eq!(publisher.now().since, first);
        publisher.adjust(Limit::of_entries(4_194_304));
        assert_eq!(publisher.now().limit, Limit::of_entries(4_194_304));
        assert_ne!(publisher.now().since, first);
    }
}
