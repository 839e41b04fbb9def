use std::future::pending;
use std::sync::{Arc, Mutex};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};
use nevent_webhooks::transaction::CompleteError;

/// What the broker does with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broker {
    Confirms,
    Refuses,
    /// Takes the entry and never answers.
    Hangs,
    /// Takes the entry, and its confirmation is lost.
    LosesItsAnswer,
    /// Finds that another attempt has the claim.
    FindsTheClaimLost,
    /// Finds that an earlier transaction has completed the claim, which it has not.
    FindsTheClaimCompleted,
    Panics,
}

/// A queue in memory. Entries travel as JSON.
#[derive(Clone)]
pub struct TestQueue(Arc<Inside>);

struct Inside {
    broker: Mutex<Broker>,
    /// The entries with this event id are refused.
    refused: Mutex<Option<String>>,
    entries: Mutex<Vec<String>>,
}

impl TestQueue {
    pub fn new() -> Self {
        let (broker, refused) = (Mutex::new(Broker::Confirms), Mutex::default());
        Self(Arc::new(Inside { broker, refused, entries: Mutex::default() }))
    }

    pub fn is_now(&self, broker: Broker) {
        *self.0.broker.lock().expect("no panic while locked") = broker;
    }

    pub fn refuses_once(&self, id: &str) {
        *self.0.refused.lock().expect("no panic while locked") = Some(id.to_owned());
    }

    /// The entries in the order in which they were put.
    pub fn entries(&self) -> Vec<Envelope> {
        let entries = self.0.entries.lock().expect("no panic while locked");
        entries.iter().map(|json| Envelope::from_json(json).expect("an envelope")).collect()
    }

    /// The ids of the entries, in alphabetical order.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.entries().iter().map(|entry| entry.id().to_string()).collect();
        ids.sort();
        ids
    }

    fn keep(&self, envelope: &Envelope) {
        self.0.entries.lock().expect("no panic while locked").push(envelope.to_json());
    }
}

impl Queue for TestQueue {
    async fn put(&self, envelope: &Envelope, _: &ClaimHandle) -> Result<(), QueueError> {
        let broker = *self.0.broker.lock().expect("no panic while locked");
        let mut refused = self.0.refused.lock().expect("no panic while locked").clone();
        if refused.take_if(|id| *id == envelope.id().as_str()).is_some() {
            *self.0.refused.lock().expect("no panic while locked") = None;
            return Err(QueueError::unavailable("no room"));
        }
        match broker {
            Broker::Confirms => {
                self.keep(envelope);
                Ok(())
            }
            Broker::Refuses => Err(QueueError::unavailable("no room")),
            Broker::Hangs => {
                self.keep(envelope);
                pending().await
            }
            Broker::LosesItsAnswer => {
                self.keep(envelope);
                Err(QueueError::unavailable("connection reset"))
            }
            Broker::FindsTheClaimLost => Err(CompleteError::Lost.into()),
            Broker::FindsTheClaimCompleted => Err(CompleteError::AlreadyCompleted.into()),
            Broker::Panics => panic!("a queue's bug"),
        }
    }
}
