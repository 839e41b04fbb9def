//! Compares the in-memory store with the one that most people write, a growing
//! `Mutex<LruCache<String, ()>>`:
//!
//! ```sh
//! cargo run --release --bin memory_store
//! ```
//!
//! One operation is the claim and the completion of a new delivery, or a lookup and an insertion in
//! the plain cache. "Longest" is the longest single operation while the store grows to a million
//! deliveries. Each round runs in its own process, one after another. Otherwise memory that one round
//! leaves in the allocator would slow the next.

use std::env;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::process::Command;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use lru::LruCache;
use nevent_webhooks::store::{Claim, Fingerprint, MemoryStore, Scope, SharedStore, StoreError};
use nevent_webhooks::{DeliveryId, ReplayKey, Store};

const DELIVERIES: u32 = 1_000_000;
const ROUNDS: usize = 7;
const SUBJECTS: [&str; 3] = ["plain", "ours", "ours, records alone"];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match &arguments[1..] {
        [round, subject, threads] if round == "round" => {
            run_round(subject, threads.parse().expect("a number of threads"));
        }
        _ => compare(),
    }
}

fn compare() {
    println!("{DELIVERIES} deliveries, median of {ROUNDS} rounds (least – most)\n");
    println!("{:20} threads {:>20} {:>22} {:>12}", "", "million/s", "longest, µs", "bytes each");
    for threads in [1, 2] {
        let mut rounds: [Vec<[f64; 3]>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (subject, rounds) in SUBJECTS.iter().zip(&mut rounds) {
                rounds.push(round_in_a_process(subject, threads));
            }
        }
        for (subject, rounds) in SUBJECTS.iter().zip(&rounds) {
            let [speed, longest, bytes] = [0, 1, 2].map(|figure| spread(rounds, figure));
            let speed = format!("{:.2} ({:.2} – {:.2})", speed[1], speed[0], speed[2]);
            let longest = format!("{:.0} ({:.0} – {:.0})", longest[1], longest[0], longest[2]);
            println!("{subject:20} {threads:>7} {speed:>20} {longest:>22} {:>12.0}", bytes[1]);
        }
    }
}

/// The least, the median and the largest figure.
fn spread(rounds: &[[f64; 3]], figure: usize) -> [f64; 3] {
    let mut figures: Vec<f64> = rounds.iter().map(|round| round[figure]).collect();
    figures.sort_by(f64::total_cmp);
    [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]]
}

fn round_in_a_process(subject: &str, threads: usize) -> [f64; 3] {
    let mut command = Command::new(env::current_exe().expect("this benchmark's path"));
    let output = command.args(["round", subject, &threads.to_string()]).output().expect("it runs");
    let output = String::from_utf8(output.stdout).expect("figures");
    let mut figures = output.split_whitespace().map(|figure| figure.parse().expect("a number"));
    std::array::from_fn(|_| figures.next().expect("three figures"))
}

fn run_round(subject: &str, threads: usize) {
    let before = resident_bytes();
    let subject: Box<dyn Subject> = match subject {
        "plain" => Box::new(Plain(Mutex::new(LruCache::sparse(NonZeroUsize::MAX)))),
        "ours" => Box::new(Ours { store: SharedStore::new(MemoryStore::new()), signed: true }),
        _ => Box::new(Ours { store: SharedStore::new(MemoryStore::new()), signed: false }),
    };
    let begun = Instant::now();
    let longest = fill(&*subject, threads);
    let speed = f64::from(DELIVERIES) / begun.elapsed().as_secs_f64() / 1e6;
    let bytes = (resident_bytes() - before) / f64::from(DELIVERIES);
    println!("{speed} {} {bytes}", longest.as_micros());
}

/// Handles all deliveries and returns the time of the longest operation.
fn fill(subject: &dyn Subject, threads: usize) -> Duration {
    thread::scope(|scope| {
        let part = |first| {
            let numbers = (first..DELIVERIES).step_by(threads);
            move || numbers.map(|n| timed(|| subject.handle(n))).max().unwrap_or_default()
        };
        let first_numbers = (0..DELIVERIES).take(threads);
        let parts: Vec<_> = first_numbers.map(|first| scope.spawn(part(first))).collect();
        parts.into_iter().map(|part| part.join().expect("no panic")).max().unwrap_or_default()
    })
}

fn timed(act: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    act();
    begun.elapsed()
}

trait Subject: Sync {
    fn handle(&self, n: u32);
}

struct Plain(Mutex<LruCache<String, ()>>);

impl Subject for Plain {
    fn handle(&self, n: u32) {
        let id = id(n);
        let seen = self.0.lock().expect("no panic").get(&id).is_some();
        assert!(!black_box(seen));
        self.0.lock().expect("no panic").put(id, ());
    }
}

struct Ours {
    /// The store as a layer holds it.
    store: SharedStore,
    signed: bool,
}

impl Subject for Ours {
    fn handle(&self, n: u32) {
        let id = DeliveryId::new(id(n)).expect("an id");
        let scope = Scope::new("bench").expect("a scope");
        let mut claim = Claim::new(scope, id, Fingerprint::of(&n.to_ne_bytes()));
        if self.signed {
            let spread = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            claim.replay_keys = [ReplayKey::from_bytes(spread.to_be_bytes())].into();
        }
        black_box(now(self.store.claim(&claim)));
        black_box(now(self.store.complete(&claim)));
    }
}

/// An id in the form of Nevent's ids.
fn id(n: u32) -> String {
    format!("{n:08x}-89ab-cdef-0123-456789abcdef")
}

fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.expect("the store has room"),
        Poll::Pending => unreachable!("the store never waits"),
    }
}

fn resident_bytes() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u32 = pages.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    f64::from(pages) * 4096.0
}
