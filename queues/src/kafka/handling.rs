//! The way of one entry through a worker.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message;
use rdkafka::message::{OwnedHeaders, OwnedMessage};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::timeout;

use super::context::Event;
use super::message::{again, attempts_of, dead, envelope_of, vanished_of};
use super::partition::Started;
use super::partitions::Partitions;
use super::publisher::{Record, Shared};
use super::{KafkaError, KafkaOptions};
use crate::content::Content;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::{FIRST_PAUSE, LONGEST_PAUSE, SharedPause};
use crate::verdict::Verdict;

/// Everything that the task of an entry needs.
#[derive(Clone)]
pub(super) struct Handling {
    pub(super) handler: Handler,
    pub(super) options: Arc<KafkaOptions>,
    pub(super) observer: Observer,
    pub(super) publisher: Shared,
    pub(super) partitions: Partitions,
    pub(super) events: UnboundedSender<Event>,
    /// While the store of `Once` fails.
    pub(super) refusals: Arc<SharedPause>,
    /// Whether the worker has been told to stop.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Handling {
    pub(super) async fn handle(self, started: Started) {
        let is_settled = self.settle(&started).await;
        let (offset, epoch) = (started.message.offset(), started.epoch);
        let _ = self.events.send(Event::Ended { key: started.key, epoch, offset, is_settled });
    }

    /// Returns whether the entry is done or in another topic. Otherwise it is delivered again.
    async fn settle(&self, started: &Started) -> bool {
        let message = &started.message;
        let mut vanished = vanished_of(message).saturating_add(started.vanished);
        let mut content = Content::of(envelope_of(message));
        if vanished > self.options.delivery_limit {
            content = content.killer();
        }
        let attempts = attempts_of(message);
        let verdict = Verdict::on(&content, attempts, &self.handler, &self.options.retry).await;
        if verdict.is_refused() {
            // The entry stays in flight, so no more are begun. Otherwise an outage of the store would send
            // all entries round the retry topics.
            self.stops_within(self.refusals.next()).await;
        } else {
            self.refusals.reset();
        }
        let verdict = self.options.in_a_retry_topic(verdict);
        // The lease is that of the worker that has vanished.
        let is_in_progress = matches!(verdict, Verdict::Retry { outcome: "in_progress", .. });
        if started.is_suspect && started.vanished == 0 && is_in_progress {
            vanished = vanished.saturating_add(1);
        }
        let is_settled = self.carry_out(started, &verdict, vanished).await;
        if is_settled {
            let event = content.envelope().map_or("", |envelope| envelope.id().as_str());
            self.observer.settled(event, &verdict);
        }
        is_settled
    }

    async fn carry_out(&self, started: &Started, verdict: &Verdict, vanished: u32) -> bool {
        let message = &started.message;
        match *verdict {
            Verdict::Done => true,
            Verdict::Retry { attempts, delay, .. } => {
                let topic = self.options.retry_topic(delay);
                let key = message.key().unwrap_or_default();
                let headers = || again(message, attempts, vanished, delay);
                self.publish(started, &topic, key, headers).await
            }
            Verdict::Dead { reason, attempts, .. } => {
                let (topic, key) = (self.options.dead(), name_of(message));
                let headers = || dead(message, attempts, reason);
                self.publish(started, &topic, key.as_bytes(), headers).await
            }
        }
    }

    /// Publishes the entry into another topic, however often it takes: its handler would run again at once
    /// otherwise. Returns whether it is there. It is not if the worker stops or loses the partition in the
    /// meantime.
    async fn publish(
        &self,
        started: &Started,
        topic: &str,
        key: &[u8],
        headers: impl Fn() -> OwnedHeaders,
    ) -> bool {
        let (mut pause, mut aside) = (FIRST_PAUSE, None);
        loop {
            // Without a value it would not be a dead letter, but the end of one.
            let value = Some(started.message.payload().unwrap_or_default());
            let record = Record { topic, partition: None, key, headers: headers(), value };
            let Err(error) = self.publisher.publish(record).await else { return true };
            self.observer.failed(&error);
            if matches!(error, KafkaError::TooLarge) && aside.is_none() {
                // Somebody has lowered the limit of the topic, perhaps for long. A few such entries would
                // stop the whole worker.
                aside = Some(self.partitions.step_aside());
            }
            let is_held = self.partitions.with(&started.key, started.epoch, |_| ()).is_some();
            if self.stops_within(pause).await || !is_held {
                return false;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits for this time, or until the worker is told to stop. Returns whether it is told to.
    async fn stops_within(&self, pause: Duration) -> bool {
        let mut stopping = self.stopping.clone();
        timeout(pause, stopping.wait_for(|is_stopping| *is_stopping)).await.is_ok()
    }
}

/// The key of an entry among the dead letters. A worker that is killed before it has committed the offset
/// leaves a second copy, which has the same key. The time tells it from an entry at this offset of a topic
/// that was deleted: a compacted topic would replace that one's dead letter.
fn name_of(message: &OwnedMessage) -> String {
    let time = message.timestamp().to_millis().unwrap_or_default();
    format!("{}/{}/{}/{time}", message.topic(), message.partition(), message.offset())
}
