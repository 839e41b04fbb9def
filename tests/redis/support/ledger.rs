use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The deliveries sent, the handlers run, and the faults made meanwhile.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    deliveries: HashMap<String, Entry>,
    faults: Vec<(Instant, String)>,
    answers: HashMap<String, u64>,
}

#[derive(Default)]
struct Entry {
    begun: u32,
    done: Vec<Instant>,
    acknowledged: bool,
    given_up: bool,
}

/// The balance: losses must be none, and doubles must be explained.
#[derive(Debug)]
pub struct Balance {
    pub sent: usize,
    /// Acknowledged and never handled, or never handled in spite of all retries.
    pub lost: Vec<String>,
    /// Handled to the end more than once, with the fault just before.
    pub doubles: Vec<(String, String)>,
    pub begun_again: usize,
    pub answers: Vec<(String, u64)>,
}

impl Ledger {
    pub fn sent(&self, id: &str) {
        self.entry(id, |_| {});
    }

    pub fn begun(&self, id: &str) {
        self.entry(id, |entry| entry.begun += 1);
    }

    pub fn done(&self, id: &str) {
        self.entry(id, |entry| entry.done.push(Instant::now()));
    }

    pub fn acknowledged(&self, id: &str) {
        self.entry(id, |entry| entry.acknowledged = true);
    }

    pub fn given_up(&self, id: &str) {
        self.entry(id, |entry| entry.given_up = true);
    }

    pub fn answered(&self, answer: &str) {
        let mut book = self.0.lock().expect("no panic while locked");
        *book.answers.entry(answer.to_owned()).or_default() += 1;
    }

    /// Notes that a fault is being made now.
    pub fn fault(&self, what: impl Into<String>) {
        let mut book = self.0.lock().expect("no panic while locked");
        book.faults.push((Instant::now(), what.into()));
    }

    pub fn times_begun(&self, id: &str) -> u32 {
        self.0.lock().expect("no panic while locked").deliveries.get(id).map_or(0, |e| e.begun)
    }

    pub fn times_done(&self, id: &str) -> usize {
        let book = self.0.lock().expect("no panic while locked");
        book.deliveries.get(id).map_or(0, |entry| entry.done.len())
    }

    pub fn balance(&self) -> Balance {
        let book = self.0.lock().expect("no panic while locked");
        let (mut lost, mut doubles, mut begun_again) = (Vec::new(), Vec::new(), 0);
        for (id, entry) in &book.deliveries {
            begun_again += usize::from(entry.begun > 1);
            if entry.done.is_empty() && (entry.acknowledged || entry.given_up) {
                lost.push(id.clone());
            }
            for done in entry.done.windows(2) {
                doubles.push((id.clone(), book.cause(done[0], done[1])));
            }
        }
        let mut answers: Vec<_> = book.answers.clone().into_iter().collect();
        answers.sort();
        Balance { sent: book.deliveries.len(), lost, doubles, begun_again, answers }
    }

    fn entry(&self, id: &str, change: impl FnOnce(&mut Entry)) {
        let mut book = self.0.lock().expect("no panic while locked");
        change(book.deliveries.entry(id.to_owned()).or_default());
    }
}

impl Book {
    /// The fault nearest to the end of the first run. The end is recorded, and reaches a replica,
    /// some time later.
    fn cause(&self, first: Instant, second: Instant) -> String {
        let distance = |at: Instant| at.max(first) - at.min(first);
        let from = first.checked_sub(Duration::from_secs(1)).unwrap_or(first);
        let hurt = self.faults.iter().filter(|(at, _)| (from..=second).contains(at));
        let nearest = hurt.min_by_key(|(at, _)| distance(*at));
        nearest.map_or_else(|| "unexplained".to_owned(), |(_, what)| what.clone())
    }
}

impl Balance {
    /// The number of these answers.
    pub fn answered(&self, answer: &str) -> u64 {
        let found = self.answers.iter().find(|(given, _)| given == answer);
        found.map_or(0, |(_, times)| *times)
    }

    /// Doubles by their cause.
    pub fn causes(&self) -> Vec<(&str, usize)> {
        let mut causes: HashMap<&str, usize> = HashMap::new();
        for (_, cause) in &self.doubles {
            *causes.entry(cause).or_default() += 1;
        }
        causes.into_iter().collect()
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "sent {}, lost {}, begun again {}",
            self.sent,
            self.lost.len(),
            self.begun_again
        )?;
        writeln!(f, "answers {:?}", self.answers)?;
        write!(f, "doubles {}, by cause {:?}", self.doubles.len(), self.causes())
    }
}
