//! The in-memory store beside the cache that most people write, a `Mutex<LruCache<String, ()>>`:
//!
//! ```sh
//! cargo run --release --bin memory_store
//! ```
//!
//! A pair is the claim and the completion of a new delivery, through `SharedStore` as a layer calls
//! it, or a lookup and an insertion in the cache. Claims and ids are made outside of the timing.
//! Times are CPU times of the thread, so that other programs count as little as possible, except
//! for the pairs per second. Each round runs in a process of its own. Otherwise memory that one round
//! leaves in the allocator would slow the next.

use std::env;
use std::hint::black_box;
use std::pin::pin;
use std::process::Command;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use lru::LruCache;
use nevent_webhooks::store::{Claim, Fingerprint, MemoryStore, Scope, SharedStore, StoreError};
use nevent_webhooks::{DeliveryId, ReplayKey, Store};
use nevent_webhooks_benches::rounds::Figure;
use rustix::time::{ClockId, clock_gettime};

const MOST: u32 = 5_000_000;
const REMEMBERED: [u32; 5] = [1_000, 10_000, 100_000, 1_000_000, MOST];
const ROUNDS: usize = 5;
const BATCH: u32 = 1_000;

/// A name, how to make it, and whether its deliveries are signed. Another contestant is one line
/// more.
type Contestant = (&'static str, fn() -> Box<dyn Subject>, bool);

const CONTESTANTS: [Contestant; 3] = [
    ("`Mutex<LruCache<String, ()>>`", || Box::new(Mutex::new(LruCache::unbounded())), false),
    ("`MemoryStore`, records alone", || Box::new(ours()), false),
    ("`MemoryStore`, with signatures", || Box::new(ours()), true),
];

trait Subject: Sync {
    fn handle(&self, delivery: Delivery);
}

struct Delivery {
    claim: Claim,
    id: String,
}

impl Subject for Mutex<LruCache<String, ()>> {
    fn handle(&self, delivery: Delivery) {
        let seen = self.lock().expect("no panic").get(&delivery.id).is_some();
        assert!(!black_box(seen));
        self.lock().expect("no panic").put(delivery.id, ());
    }
}

impl Subject for SharedStore {
    fn handle(&self, delivery: Delivery) {
        black_box(now(self.claim(&delivery.claim)));
        black_box(now(self.complete(&delivery.claim)));
    }
}

fn ours() -> SharedStore {
    SharedStore::new(MemoryStore::with_capacity(MOST as usize).expect("a capacity"))
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match &arguments[1..] {
        [round, contestant, threads] if round == "round" => {
            let contestant = &CONTESTANTS[contestant.parse::<usize>().expect("a place")];
            for figure in run_round(contestant, threads.parse().expect("a number of threads")) {
                println!("{figure}");
            }
        }
        _ => compare(),
    }
}

fn compare() {
    let empty = allocation_counter::measure(|| {
        black_box(MemoryStore::with_capacity(1_000_000_000)).ok();
    });
    println!("An empty store for a billion records takes {} bytes.\n", empty.bytes_max);
    println!("{MOST} ids; median (quartiles) of {ROUNDS} rounds.\n");
    println!("| | million pairs/s, 1 thread | 2 threads | bytes an id | longest pair, µs of CPU |");
    println!("| --- | --- | --- | --- | --- |");
    let mut growth = Vec::new();
    for (place, (name, ..)) in CONTESTANTS.iter().enumerate() {
        let [one, two] = [1, 2].map(|threads| rounds(place, threads));
        println!("| {name} | {:.2} | {:.2} | {:.1} | {:.0} |", one[0], two[0], one[1], one[2]);
        growth.push((name, one[3..].to_vec()));
    }
    println!("\nNanoseconds of CPU a pair, by the ids remembered:\n");
    println!("| | {} |", REMEMBERED.map(|ids| ids.to_string()).join(" | "));
    println!("| --- |{}", " --- |".repeat(REMEMBERED.len()));
    for (name, figures) in growth {
        let figures: Vec<_> = figures.iter().map(|figure| format!("{figure:.0}")).collect();
        println!("| {name} | {} |", figures.join(" | "));
    }
}

/// The figures of [`run_round`], over all rounds.
fn rounds(place: usize, threads: usize) -> Vec<Figure> {
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round_in_a_process(place, threads)).collect();
    (0..rounds[0].len())
        .map(|figure| Figure::of(rounds.iter().map(|round| round[figure]).collect()))
        .collect()
}

fn round_in_a_process(place: usize, threads: usize) -> Vec<f64> {
    let mut command = Command::new(env::current_exe().expect("this benchmark's path"));
    let arguments = [place, threads].map(|number| number.to_string());
    let output = command.arg("round").args(arguments).output().expect("it runs");
    let output = String::from_utf8(output.stdout).expect("figures");
    output.split_whitespace().map(|figure| figure.parse().expect("a number")).collect()
}

/// Million pairs a second, bytes an id, the longest pair in µs, and for each number of
/// [`REMEMBERED`] ids the nanoseconds of the last tenth of the pairs up to there.
fn run_round((_, make, signed): &Contestant, threads: u32) -> Vec<f64> {
    drop(batch(0, 1, *signed));
    let before = resident_bytes();
    let subject = make();
    let begun = Instant::now();
    let parts: Vec<Part> = thread::scope(|scope| {
        let subject = &*subject;
        let part = |first| move || fill(subject, first, threads, *signed);
        let parts: Vec<_> = (0..threads).map(|first| scope.spawn(part(first))).collect();
        parts.into_iter().map(|part| part.join().expect("no panic")).collect()
    });
    let making = parts.iter().map(|part| part.making).max().unwrap_or_default();
    let speed = f64::from(MOST) / (begun.elapsed() - making).as_secs_f64() / 1e6;
    let bytes = (resident_bytes() - before) / f64::from(MOST);
    drop(subject);
    let longest = longest_pair(&*make(), *signed);
    [vec![speed, bytes, longest], parts[0].growth.clone()].concat()
}

struct Part {
    /// The time that was spent on making deliveries.
    making: Duration,
    growth: Vec<f64>,
}

/// The longest pair while the subject grows to all ids, in µs of CPU. Reading that clock takes as
/// long as a pair, so this is a pass of its own.
fn longest_pair(subject: &dyn Subject, signed: bool) -> f64 {
    let mut longest = 0.0_f64;
    for first in (0..MOST).step_by(BATCH as usize) {
        for delivery in batch(first, 1, signed) {
            let begun = cpu_nanos();
            subject.handle(delivery);
            longest = longest.max(cpu_nanos() - begun);
        }
    }
    longest / 1e3
}

/// Handles this thread's part of the deliveries.
fn fill(subject: &dyn Subject, first: u32, threads: u32, signed: bool) -> Part {
    let mut part = Part { making: Duration::ZERO, growth: Vec::new() };
    let mut nanos = Vec::new();
    for handled in (0..MOST / threads).step_by(BATCH as usize) {
        let begun = Instant::now();
        let deliveries = batch(handled * threads + first, threads, signed);
        part.making += begun.elapsed();
        let begun = cpu_nanos();
        deliveries.into_iter().for_each(|delivery| subject.handle(delivery));
        nanos.push((cpu_nanos() - begun) / f64::from(BATCH));
        if REMEMBERED.contains(&((handled + BATCH) * threads)) {
            let tenth = &nanos[nanos.len() * 9 / 10..];
            part.growth.push(tenth.iter().sum::<f64>() / tenth.len() as f64);
        }
    }
    part
}

fn batch(first: u32, step: u32, signed: bool) -> Vec<Delivery> {
    let scope = Scope::new("bench").expect("a scope");
    let numbers = (0..BATCH).map(|n| first + n * step);
    numbers.map(|n| delivery(&scope, n, signed)).collect()
}

/// A delivery whose id has the form of Nevent's.
fn delivery(scope: &Scope, n: u32, signed: bool) -> Delivery {
    let id = format!("{n:08x}-89ab-cdef-0123-456789abcdef");
    let claimed = DeliveryId::new(&id).expect("an id");
    let mut claim = Claim::new(scope.clone(), claimed, Fingerprint::of(&n.to_ne_bytes()));
    if signed {
        let spread = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        claim.replay_keys = [ReplayKey::from_bytes(spread.to_be_bytes())].into();
    }
    Delivery { claim, id }
}

fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.expect("the store has room"),
        Poll::Pending => unreachable!("the store never waits"),
    }
}

fn cpu_nanos() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn resident_bytes() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u32 = pages.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    f64::from(pages) * 4096.0
}
