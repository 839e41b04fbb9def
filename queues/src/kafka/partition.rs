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
    pub(super) next: i64,
    /// Of the values that are waiting.
    bytes: usize,
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
            bytes: 0,
            committed: first,
            requested: None,
            head: first,
            begun: 0,
        }
    }

    /// Adds a record, which is not before `next`. Returns how many offsets before it are missing.
    pub(super) fn receive(&mut self, message: OwnedMessage, due: Instant) -> i64 {
        let (offset, expected) = (message.offset(), self.next);
        self.next = offset + 1;
        self.bytes += size_of(&message);
        self.waiting.push_back((message, due));
        offset - expected
    }

    /// What the predecessor has left: its position, if there was one, and how many workers had begun with
    /// the entry there. Returns how many offsets are missing.
    pub(super) fn take_over(&mut self, committed: Option<i64>, begun: u32) -> i64 {
        let first = self.head;
        self.head = committed.map_or(first, |committed| committed.min(first));
        (self.committed, self.begun, self.phase) = (self.head, begun, Phase::Marking);
        self.requested = None;
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
    pub(super) fn next_commit(&mut self, now: Instant) -> Option<(i64, u32)> {
        let position = self.position();
        let is_new = match self.phase {
            Phase::Reading => false,
            // Workers that vanish while the entry only waits have not begun with it.
            Phase::Marking => self.requested.is_none() && self.due().is_some_and(|due| due <= now),
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

    /// What to commit when the worker leaves the partition: its successor need not be careful, unless
    /// earlier workers have vanished with the entry there.
    pub(super) fn to_leave(&self) -> Option<(i64, u32)> {
        let position = self.position();
        let begun = if position > self.head { 0 } else { self.begun };
        (self.phase != Phase::Reading).then_some((position, begun))
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
        let is_suspect = self.begun > 0 && self.position() < self.head + ahead;
        // One worker vanishes for many reasons, and a broker may need long for a commit after each entry.
        let is_careful = is_suspect && self.begun > 1;
        let (message, due) = self.waiting.front()?;
        let (offset, is_due) = (message.offset(), *due <= now);
        // Before the commit, the successor would take its predecessor for the one that kills.
        let is_free = !is_careful || self.flying.is_empty() && offset == self.committed;
        if self.phase != Phase::Ready || !is_due || !is_free || offset >= self.committed + ahead {
            return None;
        }
        let (message, _) = self.waiting.pop_front()?;
        self.bytes -= size_of(&message);
        self.flying.insert(offset);
        let vanished = if offset == self.head { self.begun } else { 0 };
        let key = key.clone();
        Some(Started { key, epoch: self.epoch, message, vanished, is_suspect })
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
        let is_full = self.waiting.len() >= FULL || self.bytes >= FULL_BYTES;
        let is_low = self.waiting.len() <= LOW && self.bytes <= LOW_BYTES;
        match self.is_paused {
            false if is_full => Some(true),
            true if is_low => Some(false),
            _ => None,
        }
    }
}

fn size_of(message: &OwnedMessage) -> usize {
    message.payload().map_or(0, <[u8]>::len)
}

/// How many records wait in the worker's memory before it fetches no more. A pause throws away what the
/// client has fetched ahead, so they should be rare.
const FULL: usize = 512;
const LOW: usize = 128;
/// The same for large records.
const FULL_BYTES: usize = 8 * 1_024 * 1_024;
const LOW_BYTES: usize = 2 * 1_024 * 1_024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let (position, _) = partition.next_commit(Instant::now()).expect("a mark");
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
        assert_eq!((partition.position(), partition.next_commit(Instant::now())), (5, None));
        partition.ended(5);
        assert_eq!(partition.next_commit(Instant::now()), Some((7, 1)));
        assert_eq!(partition.next_commit(Instant::now()), None);
        partition.has_not_committed();
        assert_eq!(partition.next_commit(Instant::now()), Some((7, 1)));
        assert_eq!(start(&mut partition), Some(7));
        partition.ended(7);
        assert_eq!(partition.next_commit(Instant::now()), Some((8, 1)));
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
            if offset < 3 {
                assert_eq!(start(&mut partition), None, "not committed");
            }
            assert_eq!(partition.next_commit(Instant::now()), Some((offset + 1, 1)));
            partition.has_committed(offset + 1);
            let next = partition.start(&key(), 4, Instant::now()).expect("the next");
            assert_eq!((next.vanished, next.is_suspect), (0, offset < 3));
        }
        assert_eq!(start(&mut partition), Some(5), "two at a time again");
    }

    #[test]
    fn after_one_vanished_worker_several_are_handled_at_a_time_and_all_are_suspects() {
        let mut partition = partition(0, 1, 0..9);
        let begun: Vec<_> = std::iter::from_fn(|| partition.start(&key(), 4, Instant::now()))
            .map(|one| (one.message.offset(), one.vanished, one.is_suspect))
            .collect();
        assert_eq!(begun, [(0, 1, true), (1, 0, true), (2, 0, true), (3, 0, true)]);
    }

    #[test]
    fn a_head_that_was_begun_and_is_not_done_counts_up() {
        let mut partition = Partition::new(1, 3);
        partition.receive(message(3), Instant::now());
        assert_eq!(partition.next_commit(Instant::now()), None, "nothing is known yet");
        assert_eq!(partition.to_leave(), None);
        partition.take_over(Some(3), 2);
        assert_eq!(partition.next_commit(Instant::now()), Some((3, 3)));
    }

    #[test]
    fn an_entry_that_is_not_due_is_not_begun() {
        let (now, hour) = (Instant::now(), Duration::from_secs(3_600));
        let mut partition = Partition::new(1, 3);
        partition.receive(message(3), now + hour);
        partition.take_over(Some(3), 2);
        assert_eq!(partition.next_commit(now), None);
        assert_eq!(partition.to_leave(), Some((3, 2)), "as it was");
        assert_eq!(partition.next_commit(now + hour), Some((3, 3)));
    }

    #[test]
    fn a_partition_is_paused_for_its_bytes_too() {
        let mut partition = Partition::new(1, 0);
        let mut full = Vec::new();
        for offset in 0..4 {
            let value = Some(vec![0; 3 * 1_024 * 1_024]);
            let time = rdkafka::Timestamp::NotAvailable;
            let large = OwnedMessage::new(value, None, "tickets".into(), time, 0, offset, None);
            partition.receive(large, Instant::now());
            full.push(partition.should_pause());
        }
        assert_eq!(full, [None, None, Some(true), Some(true)]);
        partition.is_paused = true;
        partition.take_over(Some(0), 0);
        partition.has_committed(0);
        let ends: Vec<_> = (0..4)
            .map(|_| {
                partition.start(&key(), 4, Instant::now()).expect("a start");
                partition.should_pause()
            })
            .collect();
        assert_eq!(ends, [None, None, None, Some(false)]);
    }

    #[test]
    fn entries_that_kafka_has_deleted_are_counted() {
        let mut partition = Partition::new(1, 7);
        assert_eq!(partition.receive(message(7), Instant::now()), 0);
        assert_eq!(partition.receive(message(10), Instant::now()), 2);
        assert_eq!(partition.take_over(Some(4), 0), 3);
        assert_eq!(partition.position(), 7);
    }
}
