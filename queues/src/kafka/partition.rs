//! What a worker has of one partition. Kafka knows one offset of each partition, so the worker knows the
//! rest.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use rdkafka::Message;
use rdkafka::message::OwnedMessage;

/// A partition of a topic.
pub(super) type Key = (String, i32);

/// A partition since its assignment.
#[derive(Debug)]
pub(super) struct Partition {
    /// Tells it from the same partition before it was revoked.
    pub(super) epoch: u64,
    pub(super) is_paused: bool,
    phase: Phase,
    waiting: VecDeque<(OwnedMessage, Instant)>,
    flying: BTreeSet<i64>,
    /// After the last record that was received.
    next: i64,
    /// The position that Kafka has.
    committed: i64,
    /// The position that Kafka was last asked to have.
    requested: Option<i64>,
    /// The first entry at the assignment.
    head: i64,
    /// How many workers had begun with the first entry, and have vanished.
    begun: u32,
}

/// Before its first entry, a worker has to tell its successors that it has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// What its predecessor has left is being read.
    Reading,
    /// That it has begun is being committed.
    Marking,
    Ready,
}

/// An entry that is to be handled now.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) key: Key,
    pub(super) epoch: u64,
    pub(super) message: OwnedMessage,
    /// How many workers have vanished with this entry, in addition to what its header says.
    pub(super) vanished: u32,
    /// Whether the worker that has vanished may have had it.
    pub(super) is_suspect: bool,
}

impl Partition {
    pub(super) fn new(epoch: u64, first: i64) -> Self {
        Self {
            epoch,
            is_paused: false,
            phase: Phase::Reading,
            waiting: VecDeque::new(),
            flying: BTreeSet::new(),
            next: first,
            committed: first,
            requested: None,
            head: first,
            begun: 0,
        }
    }

    /// Adds a record. Returns how many offsets before it are missing.
    pub(super) fn receive(&mut self, message: OwnedMessage, due: Instant) -> i64 {
        let (offset, expected) = (message.offset(), self.next);
        if offset < expected {
            return 0; // Fetched again.
        }
        self.next = offset + 1;
        self.waiting.push_back((message, due));
        offset - expected
    }

    /// What the predecessor has left: its position, if there was one, and how many workers had begun with
    /// the entry there. Returns how many offsets are missing.
    pub(super) fn take_over(&mut self, committed: Option<i64>, begun: u32) -> i64 {
        let first = self.head;
        self.head = committed.map_or(first, |committed| committed.min(first));
        (self.committed, self.begun, self.phase) = (self.head, begun, Phase::Marking);
        first - self.head
    }

    /// All entries before it are done, or in another topic.
    pub(super) fn position(&self) -> i64 {
        let waiting = self.waiting.front().map(|(message, _)| message.offset());
        let first = self.flying.first().copied().into_iter().chain(waiting).min();
        first.unwrap_or(self.next)
    }

    /// What to commit, if there is anything new: the position, and how many workers have begun with the
    /// entry there.
    pub(super) fn next_commit(&mut self) -> Option<(i64, u32)> {
        let position = self.position();
        let is_new = match self.phase {
            Phase::Reading => false,
            Phase::Marking => self.requested.is_none(),
            Phase::Ready => self.requested != Some(position),
        };
        if !is_new {
            return None;
        }
        self.requested = Some(position);
        Some((position, self.begun_at(position)))
    }

    fn begun_at(&self, position: i64) -> u32 {
        if position > self.head { 1 } else { self.begun.saturating_add(1) }
    }

    /// What to commit when the worker leaves the partition: its successor need not be careful.
    pub(super) fn to_leave(&self) -> Option<(i64, u32)> {
        (self.phase != Phase::Reading).then(|| (self.position(), 0))
    }

    pub(super) fn has_committed(&mut self, position: i64) {
        self.committed = self.committed.max(position);
        self.phase = Phase::Ready;
    }

    pub(super) fn has_not_committed(&mut self) {
        self.requested = None;
    }

    /// Returns an entry that may be begun now. No entry is begun that is `ahead` or more after the committed
    /// position. So the successor of a worker that has vanished knows which it may have had.
    pub(super) fn start(&mut self, key: &Key, ahead: i64, now: Instant) -> Option<Started> {
        let is_careful = self.begun > 0 && self.position() < self.head + ahead;
        let (message, due) = self.waiting.front()?;
        let (offset, is_due) = (message.offset(), *due <= now);
        let is_free = self.flying.is_empty() || !is_careful;
        if self.phase != Phase::Ready || !is_due || !is_free || offset >= self.committed + ahead {
            return None;
        }
        let (message, _) = self.waiting.pop_front()?;
        self.flying.insert(offset);
        let vanished = if offset == self.head { self.begun } else { 0 };
        let key = key.clone();
        Some(Started { key, epoch: self.epoch, message, vanished, is_suspect: is_careful })
    }

    /// The entry is done, or in another topic.
    pub(super) fn ended(&mut self, offset: i64) {
        self.flying.remove(&offset);
    }

    /// When its first entry is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(_, due)| *due)
    }

    /// Whether it should be paused, and is not, or the other way round.
    pub(super) fn should_pause(&self) -> Option<bool> {
        let is_full = self.waiting.len() >= FULL;
        let is_low = self.waiting.len() <= LOW;
        match self.is_paused {
            false if is_full => Some(true),
            true if is_low => Some(false),
            _ => None,
        }
    }
}

/// How many records wait in the worker's memory before it fetches no more.
const FULL: usize = 64;
const LOW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        ("tickets".to_owned(), 0)
    }

    fn message(offset: i64) -> OwnedMessage {
        let time = rdkafka::Timestamp::NotAvailable;
        OwnedMessage::new(None, None, "tickets".to_owned(), time, 0, offset, None)
    }

    fn partition(committed: i64, begun: u32, offsets: std::ops::Range<i64>) -> Partition {
        let mut partition = Partition::new(1, offsets.start);
        for offset in offsets {
            assert_eq!(partition.receive(message(offset), Instant::now()), 0);
        }
        partition.take_over(Some(committed), begun);
        assert_eq!(partition.start(&key(), 4, Instant::now()).map(|_| ()), None, "not marked");
        let (position, _) = partition.next_commit().expect("a mark");
        partition.has_committed(position);
        partition
    }

    fn start(partition: &mut Partition) -> Option<i64> {
        partition.start(&key(), 4, Instant::now()).map(|started| started.message.offset())
    }

    #[test]
    fn the_position_is_before_everything_that_is_not_done() {
        let mut partition = partition(5, 0, 5..8);
        assert_eq!([start(&mut partition), start(&mut partition)], [Some(5), Some(6)]);
        partition.ended(6);
        assert_eq!((partition.position(), partition.next_commit()), (5, None));
        partition.ended(5);
        assert_eq!(partition.next_commit(), Some((7, 1)));
        assert_eq!(partition.next_commit(), None);
        partition.has_not_committed();
        assert_eq!(partition.next_commit(), Some((7, 1)));
        assert_eq!(start(&mut partition), Some(7));
        partition.ended(7);
        assert_eq!(partition.next_commit(), Some((8, 1)));
        assert_eq!(partition.to_leave(), Some((8, 0)));
    }

    #[test]
    fn nothing_is_begun_too_far_ahead_of_what_is_committed() {
        let mut partition = partition(0, 0, 0..9);
        let begun: Vec<_> = std::iter::from_fn(|| start(&mut partition)).collect();
        assert_eq!(begun, [0, 1, 2, 3]);
        partition.ended(0);
        assert_eq!(start(&mut partition), None);
        partition.has_committed(1);
        assert_eq!(start(&mut partition), Some(4));
    }

    #[test]
    fn what_a_vanished_worker_may_have_had_is_handled_one_after_the_other() {
        let mut partition = partition(0, 2, 0..9);
        let first = partition.start(&key(), 4, Instant::now()).expect("the head");
        assert_eq!((first.vanished, first.is_suspect), (2, true));
        assert_eq!(start(&mut partition), None);
        for offset in 0..4 {
            partition.ended(offset);
            assert_eq!(partition.next_commit(), Some((offset + 1, 1)));
            partition.has_committed(offset + 1);
            let next = partition.start(&key(), 4, Instant::now()).expect("the next");
            assert_eq!((next.vanished, next.is_suspect), (0, offset < 3));
        }
        assert_eq!(start(&mut partition), Some(5), "two at a time again");
    }

    #[test]
    fn a_head_that_was_begun_and_is_not_done_counts_up() {
        let mut partition = Partition::new(1, 3);
        partition.receive(message(3), Instant::now());
        assert_eq!(partition.next_commit(), None, "nothing is known yet");
        assert_eq!(partition.to_leave(), None);
        partition.take_over(Some(3), 2);
        assert_eq!(partition.next_commit(), Some((3, 3)));
    }

    #[test]
    fn entries_that_kafka_has_deleted_are_counted() {
        let mut partition = Partition::new(1, 7);
        assert_eq!(partition.receive(message(7), Instant::now()), 0);
        assert_eq!(partition.receive(message(7), Instant::now()), 0, "twice");
        assert_eq!(partition.receive(message(10), Instant::now()), 2);
        assert_eq!(partition.take_over(Some(4), 0), 3);
        assert_eq!(partition.position(), 7);
    }
}
