use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::util::Timeout;

use super::check::client_error;
use super::{KafkaError, KafkaOptions};

/// Publishes records, and waits for their confirmations. The client restores its connections itself.
pub(super) struct Publisher {
    options: KafkaOptions,
    largest: usize,
    producer: Mutex<FutureProducer>,
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
    /// `largest` is the size of the largest record.
    pub(super) fn new(options: &KafkaOptions, largest: usize) -> Result<Self, KafkaError> {
        let producer = options.producer(largest).create().map_err(client_error)?;
        Ok(Self { options: options.clone(), largest, producer: Mutex::new(producer) })
    }

    /// Returns when all replicas that are in sync have the record.
    pub(super) async fn publish(&self, record: Record<'_>) -> Result<(), KafkaError> {
        let producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sent = FutureRecord::to(record.topic).key(record.key).headers(record.headers);
        sent.payload = record.value;
        sent.partition = record.partition;
        let limit = self.options.timeout;
        let Err((error, _)) = producer.send(sent, Timeout::After(limit)).await else {
            return Ok(());
        };
        if producer.client().fatal_error().is_some() {
            self.renew();
        }
        Err(KafkaError::of_put(&error, limit))
    }

    /// An idempotent producer that has lost count, for example because the brokers have lost records, never
    /// publishes again.
    fn renew(&self) {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if producer.client().fatal_error().is_none() {
            return; // Another task has renewed it.
        }
        if let Ok(new) = self.options.producer(self.largest).create() {
            *producer = new;
        }
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Shared by the tasks of a worker.
pub(super) type Shared = Arc<Publisher>;
