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
    /// How many of them leave their place to others.
    aside: usize,
}

/// What a record was.
#[derive(Debug)]
pub(super) enum Received {
    /// The first of its partition, which has this epoch.
    First(Key, u64),
    /// After so many offsets that are missing.
    Next(Key, i64),
    /// Before others that were received, so it was not taken: the topic is another one.
    Back(Back),
}

/// The offsets of a partition have gone back. It is forgotten.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Back {
    pub(super) key: Key,
    /// The offset that was expected.
    pub(super) from: i64,
    /// Where to read on, so that nothing is left out.
    pub(super) to: i64,
}

/// A position that Kafka is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) key: Key,
    pub(super) epoch: u64,
    pub(super) offset: i64,
    begun: u32,
}

impl Partitions {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn receive(&self, message: OwnedMessage, due: Instant) -> Received {
        let key = (message.topic().to_owned(), message.partition());
        let mut all = self.all();
        if let Some(partition) = all.of.get_mut(&key) {
            let (from, offset) = (partition.next, message.offset());
            if offset >= from {
                return Received::Next(key, partition.receive(message, due));
            }
            let to = partition.position().min(offset);
            all.of.remove(&key);
            return Received::Back(Back { key, from, to });
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

    /// Whether the worker still has the partition of this commit.
    pub(super) fn has(&self, commit: &Commit) -> bool {
        self.with(&commit.key, commit.epoch, |_| ()).is_some()
    }

    /// Entries that may be begun now, so that no more than `concurrency` are in flight.
    pub(super) fn start(&self, concurrency: usize, ahead: i64) -> Vec<Started> {
        let (mut all, now) = (self.all(), Instant::now());
        let mut started = Vec::new();
        let mut free = concurrency.saturating_sub(all.flying - all.aside);
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

    /// Leaves the place of an entry to others until the guard is dropped. The entry stays in flight.
    pub(super) fn step_aside(&self) -> Aside {
        self.all().aside += 1;
        Aside(self.clone())
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
    pub(super) fn to_commit(&self) -> Vec<Commit> {
        let (mut all, now) = (self.all(), Instant::now());
        let each = all.of.iter_mut();
        each.filter_map(|(key, one)| commit(key, one.epoch, one.next_commit(now))).collect()
    }

    /// What is to be committed at the end.
    pub(super) fn to_leave(&self) -> Vec<Commit> {
        let all = self.all();
        all.of.iter().filter_map(|(key, one)| commit(key, one.epoch, one.to_leave())).collect()
    }

    /// Forgets these partitions. Returns what is to be committed.
    pub(super) fn leave(&self, revoked: &TopicPartitionList) -> Vec<Commit> {
        let mut all = self.all();
        let keys =
            revoked.elements().into_iter().map(|one| (one.topic().to_owned(), one.partition()));
        let gone = keys.filter_map(|key| all.of.remove_entry(&key));
        gone.filter_map(|(key, one)| commit(&key, one.epoch, one.to_leave())).collect()
    }

    /// Each, and whether Kafka has it.
    pub(super) fn committed(&self, commits: &[(Commit, bool)]) {
        for (Commit { key, epoch, offset, .. }, is_committed) in commits {
            self.with(key, *epoch, |partition| match is_committed {
                true => partition.has_committed(*offset),
                false => partition.has_not_committed(),
            });
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

/// An entry that waits in no other's place.
#[derive(Debug)]
pub(super) struct Aside(Partitions);

impl Drop for Aside {
    fn drop(&mut self) {
        self.0.all().aside -= 1;
    }
}

fn commit(key: &Key, epoch: u64, position: Option<(i64, u32)>) -> Option<Commit> {
    position.map(|(offset, begun)| Commit { key: key.clone(), epoch, offset, begun })
}

/// As the client takes them.
pub(super) fn list(commits: &[Commit]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for Commit { key, offset, begun, .. } in commits {
        let mut element = list.add_partition(&key.0, key.1);
        if element.set_offset(Offset::Offset(*offset)).is_ok() {
            element.set_metadata(begun.to_string());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_whose_offsets_go_back_begins_anew() {
        let (partitions, key) = (Partitions::default(), ("tickets".to_owned(), 0));
        let receive = |offset| {
            let time = rdkafka::Timestamp::NotAvailable;
            let message =
                OwnedMessage::new(None, None, "tickets".to_owned(), time, 0, offset, None);
            partitions.receive(message, Instant::now())
        };
        assert!(matches!(receive(7), Received::First(_, 1)));
        assert!(matches!(receive(8), Received::Next(_, 0)));
        partitions.with(&key, 1, |one| one.take_over(Some(7), 0));
        let Received::Back(back) = receive(2) else { panic!("not back") };
        assert_eq!(back, Back { key: key.clone(), from: 9, to: 2 });
        assert!(matches!(receive(2), Received::First(_, 2)));
        assert_eq!(partitions.with(&key, 1, |_| ()), None, "what was in flight counts no longer");
        // Kafka still has the old position.
        assert_eq!(partitions.with(&key, 2, |one| one.take_over(Some(7), 1)), Some(0));
        let marked = partitions.to_commit();
        assert_eq!((marked.len(), marked[0].offset), (1, 2));

        // One that was really fetched twice: what waits before it is fetched again, too.
        assert!(matches!(receive(3), Received::Next(_, 0)));
        let Received::Back(back) = receive(3) else { panic!("not back") };
        assert_eq!((back.from, back.to), (4, 2));
    }

    #[test]
    fn an_entry_that_steps_aside_leaves_its_place_and_stays_in_flight() {
        let (partitions, key) = (Partitions::default(), ("tickets".to_owned(), 0));
        for offset in 0..3 {
            let time = rdkafka::Timestamp::NotAvailable;
            let message =
                OwnedMessage::new(None, None, "tickets".to_owned(), time, 0, offset, None);
            partitions.receive(message, Instant::now());
        }
        partitions.with(&key, 1, |one| one.take_over(Some(0), 0));
        let mark = partitions.to_commit().remove(0);
        partitions.committed(&[(mark, true)]);
        let start = || partitions.start(1, 16).len();
        assert_eq!([start(), start()], [1, 0]);
        let aside = partitions.step_aside();
        assert_eq!([start(), start()], [1, 0]);
        assert_eq!(partitions.flying(), 2);
        partitions.ended(&key, 1, 1, true);
        drop(aside);
        assert_eq!((start(), partitions.flying()), (0, 1), "it is back in its place");
        assert!(partitions.to_commit().is_empty(), "the first is not done");
    }

    #[test]
    fn a_commit_of_an_earlier_assignment_changes_nothing() {
        let (partitions, key) = (Partitions::default(), ("tickets".to_owned(), 0));
        let time = rdkafka::Timestamp::NotAvailable;
        let message = || OwnedMessage::new(None, None, "tickets".to_owned(), time, 0, 7, None);
        partitions.receive(message(), Instant::now());
        partitions.with(&key, 1, |one| one.take_over(Some(7), 0));
        let old = partitions.to_commit().remove(0);
        let mut revoked = TopicPartitionList::new();
        revoked.add_partition("tickets", 0);
        assert_eq!(partitions.leave(&revoked).len(), 1);
        assert!(!partitions.has(&old), "another worker may have it");
        partitions.receive(message(), Instant::now());
        assert!(!partitions.has(&old), "another worker may have had it");
        partitions.with(&key, 2, |one| one.take_over(Some(7), 1));
        partitions.committed(&[(old, true)]);
        assert!(partitions.start(1, 16).is_empty(), "the mark is not committed");
        let mark = partitions.to_commit().remove(0);
        partitions.committed(&[(mark, true)]);
        assert_eq!(partitions.start(1, 16).len(), 1);
    }
}
