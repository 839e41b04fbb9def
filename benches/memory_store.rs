//! The in-memory store against the one most people write, a growing
//! `Mutex<LruCache<String, ()>>`, side by side in one process:
//!
//! ```sh
//! cargo bench --bench memory_store
//! ```
//!
//! One operation is a claim and a completion of an id never seen before. "Longest"
//! is the longest single operation while the store fills up to a million ids.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use lru::LruCache;
use nevent_webhooks::store::{Claim, Fingerprint, MemoryStore, Scope, StoreFuture};
use nevent_webhooks::{DeliveryId, ReplayKey, Store};

const IDS: usize = 1_000_000;
const ROUNDS: usize = 5;

/// A store that is filled with ids from several threads.
trait Subject: Sync {
    fn handle(&self, scope: &Scope, n: usize);
}

struct Ours(MemoryStore);

impl Subject for Ours {
    fn handle(&self, scope: &Scope, n: usize) {
        let id = DeliveryId::new(id(n)).expect("an id");
        let mut claim = Claim::new(scope.clone(), id, Fingerprint::of(&n.to_ne_bytes()));
        let spread = (n as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        claim.replay_keys = vec![ReplayKey::from_bytes(spread.to_be_bytes())];
        black_box(now(self.0.claim(&claim)));
        black_box(now(self.0.complete(&claim)));
    }
}

struct Plain(Mutex<LruCache<String, ()>>);

impl Subject for Plain {
    fn handle(&self, _: &Scope, n: usize) {
        let id = id(n);
        let seen = self.0.lock().expect("no panic").get(&id).is_some();
        assert!(!black_box(seen));
        self.0.lock().expect("no panic").put(id, ());
    }
}

fn main() {
    // First, while no other round has left memory behind.
    let (before, store) = (resident_bytes(), Ours(MemoryStore::new()));
    let empty = resident_bytes() - before;
    fill(&store, 1);
    let full = resident_bytes() - before;
    println!(
        "MemoryStore, resident: {} KiB empty, {} bytes per id
(a record, and the binding of a signature seen in the last eleven minutes)\n",
        empty / 1024,
        full / IDS
    );
    println!("{IDS} ids, median of {ROUNDS} rounds (least – most)\n");
    println!(
        "{:28} {:>7} {:>24} {:>24}",
        "store", "threads", "million operations/s", "longest, µs"
    );
    let unbounded = NonZeroUsize::new(2 * IDS).expect("not zero");
    for threads in [1, 2] {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(fill(&Plain(Mutex::new(LruCache::sparse(unbounded))), threads));
            ours.push(fill(&Ours(MemoryStore::new()), threads));
        }
        report("Mutex<LruCache<String>>", threads, &plain);
        report("MemoryStore", threads, &ours);
    }
}

/// Million operations per second, and the longest one.
fn fill(subject: &impl Subject, threads: usize) -> (f64, Duration) {
    let scope = Scope::new("bench").expect("a scope");
    let begun = Instant::now();
    let longest = thread::scope(|threads_scope| {
        let part = |thread: usize| {
            let scope = scope.clone();
            threads_scope.spawn(move || {
                let longest = (thread..IDS).step_by(threads).map(|n| {
                    let begun = Instant::now();
                    subject.handle(&scope, n);
                    begun.elapsed()
                });
                longest.max().unwrap_or_default()
            })
        };
        let parts: Vec<_> = (0..threads).map(part).collect();
        parts.into_iter().map(|part| part.join().expect("no panic")).max().unwrap_or_default()
    });
    let millions = f64::from(u32::try_from(IDS).expect("it fits")) / 1e6;
    (millions / begun.elapsed().as_secs_f64(), longest)
}

fn report(name: &str, threads: usize, rounds: &[(f64, Duration)]) {
    let mut speed: Vec<f64> = rounds.iter().map(|(speed, _)| *speed).collect();
    let mut longest: Vec<u128> = rounds.iter().map(|(_, longest)| longest.as_micros()).collect();
    speed.sort_by(f64::total_cmp);
    longest.sort_unstable();
    let (middle, last) = (rounds.len() / 2, rounds.len() - 1);
    let speed = format!("{:.2} ({:.2} – {:.2})", speed[middle], speed[0], speed[last]);
    let longest = format!("{} ({} – {})", longest[middle], longest[0], longest[last]);
    println!("{name:28} {threads:>7} {speed:>24} {longest:>24}");
}

/// As Nevent's ids look.
fn id(n: usize) -> String {
    format!("{n:08x}-89ab-cdef-0123-456789abcdef")
}

fn now<T>(future: StoreFuture<'_, T>) -> T {
    let mut future = future;
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.expect("the store has room"),
        Poll::Pending => unreachable!("the store never waits"),
    }
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = pages.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}
