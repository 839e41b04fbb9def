//! The loop of a worker. It polls the client without a pause, whatever the handlers do: a worker that does
//! not poll loses its partitions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::OwnedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::apart::{Apart, EndsApart};
use super::check::client_error;
use super::context::{Context, Event};
use super::handling::Handling;
use super::message::{detach, wait_of};
use super::partition::Key;
use super::partitions::{Back, Commit, Partitions, Received, list};
use super::{KafkaError, KafkaOptions};

/// The channel of the events is needed before the loop is.
pub(super) type Events = (UnboundedSender<Event>, UnboundedReceiver<Event>);

pub(super) fn events() -> Events {
    unbounded_channel()
}

/// A consumer, and what it has taken.
pub(super) struct Taking {
    consumer: Arc<EndsApart<StreamConsumer<Context>>>,
    events: UnboundedReceiver<Event>,
    handling: Handling,
    partitions: Partitions,
    options: Arc<KafkaOptions>,
    apart: Apart,
    tasks: JoinSet<()>,
    /// One commit at a time, so that a busy worker does not commit each entry.
    is_committing: bool,
    /// Not before, after one has failed.
    commit_after: Instant,
}

/// At least so often the loop looks whether there is something to do.
const TICK: Duration = Duration::from_millis(500);
const AFTER_FAILURE: Duration = Duration::from_millis(500);

impl Taking {
    pub(super) fn new(
        handling: Handling,
        events: UnboundedReceiver<Event>,
    ) -> Result<Self, KafkaError> {
        let (options, partitions) = (Arc::clone(&handling.options), handling.partitions.clone());
        let context = Context { partitions: partitions.clone() };
        let consumer: StreamConsumer<Context> =
            options.consumer().create_with_context(context).map_err(client_error)?;
        consumer.subscribe(&[&options.pattern()])?;
        Ok(Self {
            consumer: Arc::new(EndsApart::new(consumer)),
            events,
            handling,
            partitions,
            options,
            apart: Apart::new().map_err(|error| KafkaError::Client(error.to_string()))?,
            tasks: JoinSet::new(),
            is_committing: false,
            commit_after: Instant::now(),
        })
    }

    /// Takes entries until this future is dropped, or the consumer has ended for good.
    pub(super) async fn take(&mut self) -> KafkaError {
        loop {
            self.begin();
            self.pause_and_resume();
            self.commit();
            let wake = self
                .partitions
                .next_due()
                .map_or(TICK, |due| due.saturating_duration_since(Instant::now()).min(TICK));
            let received = tokio::select! {
                received = self.consumer.recv() => received.map(|message| detach(&message)),
                Some(event) = self.events.recv() => {
                    self.on(event);
                    continue;
                }
                () = sleep(wake) => continue,
            };
            match received {
                Ok(message) => {
                    if let Err(error) = self.receive(message) {
                        return error;
                    }
                }
                Err(ClientError::MessageConsumptionFatal(code)) => {
                    return KafkaError::Broker(super::error::one_line(&code.to_string()));
                }
                Err(error) => self.handling.observer.failed(&KafkaError::from(error)),
            }
        }
    }

    /// Waits for what is in flight, commits, and leaves the group.
    pub(super) async fn finish(mut self) {
        while self.partitions.flying() > 0 {
            self.commit();
            self.next_event().await;
        }
        let limit = self.options.timeout;
        let leave = async {
            while self.is_committing {
                self.next_event().await;
            }
            let left = self.partitions.to_leave();
            if !left.is_empty() {
                self.send(left);
            }
            while self.is_committing {
                self.next_event().await;
            }
        };
        // Without it, entries that are done are delivered again.
        let _ = timeout(limit, leave).await;
        while self.tasks.join_next().await.is_some() {}
        // Leaving the group blocks, and for longer if the broker is silent.
        let (left, is_left) = oneshot::channel::<()>();
        let consumer = self.consumer;
        self.apart.call(move || {
            // The calls before this one have dropped theirs.
            if let Some(consumer) = Arc::into_inner(consumer) {
                consumer.end();
            }
            drop(left);
        });
        let _ = timeout(limit, is_left).await;
    }

    /// Polls, and takes nothing. A partition that has records is paused.
    async fn next_event(&mut self) {
        tokio::select! {
            // Otherwise it would receive and throw away the whole backlog while a handler still runs.
            received = self.consumer.recv() => if let Ok(message) = received {
                let mut list = TopicPartitionList::new();
                list.add_partition(message.topic(), message.partition());
                let _ = self.consumer.pause(&list);
            },
            Some(event) = self.events.recv() => self.on(event),
            () = sleep(TICK) => {}
        }
    }

    fn begin(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        // As many as the successor of a vanished worker handles one after the other.
        let ahead = i64::try_from(self.options.concurrency * 16).unwrap_or(i64::MAX);
        for started in self.partitions.start(self.options.concurrency, ahead) {
            self.tasks.spawn(self.handling.clone().handle(started));
        }
    }

    fn pause_and_resume(&self) {
        let [pause, resume] = self.partitions.to_pause();
        // These fail for partitions that have just been revoked.
        if pause.count() > 0 {
            let _ = self.consumer.pause(&pause);
        }
        if resume.count() > 0 {
            let _ = self.consumer.resume(&resume);
        }
    }

    fn commit(&mut self) {
        if self.is_committing || Instant::now() < self.commit_after {
            return;
        }
        let commit = self.partitions.to_commit();
        if !commit.is_empty() {
            self.send(commit);
        }
    }

    /// Commits in the background. The client tells the result only of a call that blocks.
    fn send(&mut self, commits: Vec<Commit>) {
        self.is_committing = true;
        let (consumer, events) = (Arc::clone(&self.consumer), self.handling.events.clone());
        let (partitions, limit) = (self.partitions.clone(), self.options.timeout);
        self.apart.call(move || {
            let committed = committed(&consumer, &partitions, commits, limit);
            drop(consumer);
            let _ = events.send(committed);
        });
    }

    fn receive(&self, message: OwnedMessage) -> Result<(), KafkaError> {
        let delay = self.options.delay_of(message.topic()).unwrap_or_default();
        let due = Instant::now() + wait_of(&message, delay);
        match self.partitions.receive(message, due) {
            Received::First(key, epoch) => self.find(key, epoch),
            Received::Next(key, lost) => self.tell_lost(&key, lost),
            Received::Back(back) => self.go_back(&back)?,
        }
        Ok(())
    }

    /// The topic was created again, or the cluster was restored. What is in the topic now is handled, and
    /// `Once` removes what was handled before.
    fn go_back(&self, Back { key, from, to }: &Back) -> Result<(), KafkaError> {
        let (topic, partition) = key;
        self.handling.observer.failed(&KafkaError::Broker(format!(
            "the offsets of partition {partition} of the topic `{topic}` have gone back from {from} to {to}: \
            the topic was created again, or the cluster was restored; entries may be lost"
        )));
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, *partition);
        self.consumer.resume(&list)?;
        // Does not wait.
        self.consumer.seek(topic, *partition, Offset::Offset(*to), Duration::ZERO)?;
        Ok(())
    }

    /// Reads what the predecessor has left of the partition. The client has no call that does not block.
    fn find(&self, key: Key, epoch: u64) {
        let (consumer, events) = (Arc::clone(&self.consumer), self.handling.events.clone());
        let limit = self.options.timeout;
        self.apart.call(move || {
            let left = found(&consumer, &key, limit);
            drop(consumer);
            if left.is_err() {
                // It is read again at once.
                std::thread::sleep(AFTER_FAILURE);
            }
            let _ = events.send(Event::Found { key, epoch, left });
        });
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Ended { key, epoch, offset, is_settled } => {
                self.partitions.ended(&key, epoch, offset, is_settled);
            }
            Event::Found { key, epoch, left: Ok((committed, begun)) } => {
                let change =
                    |one: &mut super::partition::Partition| one.take_over(committed, begun);
                let lost = self.partitions.with(&key, epoch, change);
                self.tell_lost(&key, lost.unwrap_or_default());
            }
            Event::Found { key, epoch, left: Err(error) } => {
                self.handling.observer.failed(&error);
                if self.partitions.with(&key, epoch, |_| ()).is_some() {
                    self.find(key, epoch);
                }
            }
            Event::Committed(commits, error) => {
                self.is_committing = false;
                self.partitions.committed(&commits);
                if let Some(error) = error {
                    self.commit_after = Instant::now() + AFTER_FAILURE;
                    self.handling.observer.failed(&error);
                }
            }
        }
    }

    fn tell_lost(&self, key: &Key, lost: i64) {
        if lost > 0 {
            let (topic, partition) = key.clone();
            self.handling.observer.failed(&KafkaError::Expired { topic, partition, lost });
        }
    }
}

/// Commits all at once. If that fails, one after the other, so that one that always fails does not stop the
/// rest.
///
/// A commit may have waited for others. What has left this worker by now is left out: the partition's next
/// worker may be further, and its group would be set back.
fn committed(
    consumer: &StreamConsumer<Context>,
    partitions: &Partitions,
    mut commits: Vec<Commit>,
    limit: Duration,
) -> Event {
    commits.retain(|one| partitions.has(one));
    if commits.is_empty() {
        return Event::Committed(Vec::new(), None);
    }
    let begun = Instant::now();
    let commit = |some: &[Commit]| consumer.commit(&list(some), CommitMode::Sync);
    let error = commit(&commits).err().map(KafkaError::from);
    let is_alone = commits.len() == 1;
    let each = commits.into_iter().map(|one| {
        // A broker that does not answer would be waited for once per partition.
        let is_tried = !is_alone && begun.elapsed() < limit && partitions.has(&one);
        let is_committed =
            error.is_none() || is_tried && commit(std::slice::from_ref(&one)).is_ok();
        (one, is_committed)
    });
    let each = each.collect();
    Event::Committed(each, error)
}

fn found(
    consumer: &StreamConsumer<Context>,
    (topic, partition): &Key,
    limit: Duration,
) -> Result<(Option<i64>, u32), KafkaError> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, *partition);
    let committed = consumer.committed_offsets(list, limit)?;
    let Some(one) = committed.find_partition(topic, *partition) else { return Ok((None, 0)) };
    one.error()?;
    let offset = match one.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    // The client panics if another program has committed metadata that are not UTF-8.
    let metadata = catch_unwind(AssertUnwindSafe(|| one.metadata().parse::<u32>()));
    Ok((offset, metadata.ok().and_then(Result::ok).unwrap_or_default()))
}
