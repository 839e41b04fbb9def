use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::message::OwnedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::partition::{Key, Partition, Started};

/// All partitions that a worker has. The client revokes them from inside a poll, so they are shared with
/// its callbacks.
#[derive(Debug, Clone, Default)]
pub(super) struct Partitions(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    of: HashMap<Key, Partition>,
    epoch: u64,
    flying: usize,
}

/// What a record was.
#[derive(Debug)]
pub(super) enum Received {
    /// The first of its partition, which has this epoch.
    First(Key, u64),
    /// After so many offsets that are missing.
    Next(Key, i64),
}

impl Partitions {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn receive(&self, message: OwnedMessage, due: Instant) -> Received {
        let key = (message.topic().to_owned(), message.partition());
        let mut all = self.all();
        if let Some(partition) = all.of.get_mut(&key) {
            return Received::Next(key, partition.receive(message, due));
        }
        all.epoch += 1;
        let epoch = all.epoch;
        let mut partition = Partition::new(epoch, message.offset());
        partition.receive(message, due);
        all.of.insert(key.clone(), partition);
        Received::First(key, epoch)
    }

    /// Runs `change` if the worker still has the partition.
    pub(super) fn with<T>(
        &self,
        key: &Key,
        epoch: u64,
        change: impl FnOnce(&mut Partition) -> T,
    ) -> Option<T> {
        self.all().of.get_mut(key).filter(|partition| partition.epoch == epoch).map(change)
    }

    /// Entries that may be begun now, so that no more than `concurrency` are in flight.
    pub(super) fn start(&self, concurrency: usize, ahead: i64) -> Vec<Started> {
        let (mut all, now) = (self.all(), Instant::now());
        let mut started = Vec::new();
        let mut free = concurrency.saturating_sub(all.flying);
        loop {
            let before = started.len();
            // One of each partition at a time, so that none waits for another.
            for (key, partition) in &mut all.of {
                if free > 0
                    && let Some(one) = partition.start(key, ahead, now)
                {
                    started.push(one);
                    free -= 1;
                }
            }
            if started.len() == before {
                all.flying += started.len();
                return started;
            }
        }
    }

    /// An entry is no longer in flight. If it is settled, it counts as done.
    pub(super) fn ended(&self, key: &Key, epoch: u64, offset: i64, is_settled: bool) {
        self.all().flying -= 1;
        if is_settled {
            self.with(key, epoch, |partition| partition.ended(offset));
        }
    }

    pub(super) fn flying(&self) -> usize {
        self.all().flying
    }

    /// When the next entry is due that is not yet.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let now = Instant::now();
        self.all().of.values().filter_map(Partition::due).filter(|due| *due > now).min()
    }

    /// What is to be committed.
    pub(super) fn to_commit(&self) -> TopicPartitionList {
        list(self.all().of.iter_mut().map(|(key, partition)| (key, partition.next_commit())))
    }

    /// What is to be committed at the end.
    pub(super) fn to_leave(&self) -> TopicPartitionList {
        list(self.all().of.iter().map(|(key, partition)| (key, partition.to_leave())))
    }

    /// Forgets these partitions. Returns what is to be committed.
    pub(super) fn leave(&self, revoked: &TopicPartitionList) -> TopicPartitionList {
        let mut all = self.all();
        let keys =
            revoked.elements().into_iter().map(|one| (one.topic().to_owned(), one.partition()));
        let gone: Vec<_> = keys.filter_map(|key| all.of.remove_entry(&key)).collect();
        list(gone.iter().map(|(key, partition)| (key, partition.to_leave())))
    }

    pub(super) fn committed(&self, offsets: &[(Key, Option<i64>)]) {
        let mut all = self.all();
        for (key, offset) in offsets {
            if let Some(partition) = all.of.get_mut(key) {
                match offset {
                    Some(offset) => partition.has_committed(*offset),
                    None => partition.has_not_committed(),
                }
            }
        }
    }

    /// The partitions to pause, and those to resume.
    pub(super) fn to_pause(&self) -> [TopicPartitionList; 2] {
        let mut lists = [TopicPartitionList::new(), TopicPartitionList::new()];
        for (key, partition) in &mut self.all().of {
            if let Some(pause) = partition.should_pause() {
                partition.is_paused = pause;
                lists[usize::from(!pause)].add_partition(&key.0, key.1);
            }
        }
        lists
    }
}

fn list<'a>(all: impl Iterator<Item = (&'a Key, Option<(i64, u32)>)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (key, commit) in all {
        let Some((offset, begun)) = commit else { continue };
        let mut element = list.add_partition(&key.0, key.1);
        if element.set_offset(Offset::Offset(offset)).is_ok() {
            element.set_metadata(begun.to_string());
        }
    }
    list
}
