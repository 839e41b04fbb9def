use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::client::Limit;
use super::publisher::Publisher;
use super::{KafkaError, KafkaOptions};

/// Somebody can change a topic at any time, and a cluster that is restored can have other topics.
const AGAIN: Duration = Duration::from_secs(60);

/// Checks the topics again and again, until it is dropped.
#[derive(Debug)]
pub(super) struct Guard {
    refusal: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl Guard {
    /// The publisher's limit follows the topics: a larger entry would otherwise be refused until the receiver
    /// is started again, however large the topics' limits are by now.
    pub(super) fn new(options: KafkaOptions, publisher: Arc<Publisher>) -> Self {
        let refusal = Arc::<Mutex<Option<String>>>::default();
        let found = Arc::clone(&refusal);
        let task = tokio::spawn(async move {
            loop {
                sleep(AGAIN).await;
                let refused = match options.check().await {
                    Ok(largest) => {
                        publisher.adjust(Limit::of_entries(largest));
                        None
                    }
                    Err(
                        error @ (KafkaError::Topic { .. }
                        | KafkaError::KeptTooLong { .. }
                        | KafkaError::NotCreated { .. }),
                    ) => Some(error.to_string()),
                    // Nothing is known while the brokers do not answer.
                    Err(_) => continue,
                };
                *found.lock().unwrap_or_else(PoisonError::into_inner) = refused;
            }
        });
        Self { refusal, task }
    }

    /// The reason why nothing may be put into the topics at the moment.
    pub(super) fn check(&self) -> Result<(), KafkaError> {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        refusal.map_or(Ok(()), |text| Err(KafkaError::Broker(text)))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}
