//! Compares the in-memory store with the one that most people write, a growing
//! `Mutex<LruCache<String, ()>>`, and with the stores of others:
//!
//! ```sh
//! cargo run --release --bin memory_store -- --save # writes BENCHMARKS.md; `--features peers` adds other crates
//! ```
//!
//! A pair is the claim and the completion of a new delivery, or the insertion of an absent id. Each
//! round has a process of its own. Otherwise memory that one store leaves in the allocator would slow
//! the next.

use std::env;
use std::fs;
use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use lru::LruCache;
use nevent_webhooks::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, MemoryStore, Scope, SharedStore,
};
use nevent_webhooks::{DeliveryId, ReplayKey, Store};
use nevent_webhooks_benches::peers::{Insert, STORES};
use nevent_webhooks_benches::plot::{self, Axis, Line};
use nevent_webhooks_benches::rounds::{Figure, cpu_nanos, is_quick, rounds, take_turns};
use nevent_webhooks_benches::section::Section;

const ROUNDS: usize = 5;
const OURS: [&str; 3] =
    ["ours, with a fresh signature", "ours, without replay keys", "`Mutex<LruCache<String, ()>>`"];
/// The numbers of remembered ids at which a growing store is looked at.
const SIZES: [u32; 5] = [1_000, 10_000, 100_000, 1_000_000, 5_000_000];
const BATCH: u32 = 1_000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [command, name] if command == "grow" => grow(name),
        [command, name] if command == "longest" => longest(name),
        [command, name] if command == "one_thread" => threads(name, 1),
        [command, name] if command == "two_threads" => threads(name, 2),
        _ => report(),
    }
}

fn sizes() -> &'static [u32] {
    if is_quick() { &SIZES[..3] } else { &SIZES }
}

fn report() {
    let names: Vec<&str> = OURS.into_iter().chain(STORES.iter().map(|store| store.name)).collect();
    let [grown, longest, one, two] =
        ["grow", "longest", "one_thread", "two_threads"].map(|what| measure(what, &names));
    let (last, million) = (sizes().len() - 1, f64::from(*sizes().last().expect("sizes")) / 1e6);
    let mut section = Section::new("memory_store");
    let count = rounds(ROUNDS);
    section.text(&format!(
        "{count} rounds, each in a process of its own, up to {million} million ids."
    ));
    let row = |index: usize| {
        [
            names[index].to_owned(),
            format!("{:.0}", grown[index][2 * last]),
            format!("{:.0}", grown[index][2 * last + 1]),
            format!("{:.0}", longest[index][0]),
            format!("{:.2}", one[index][0]),
            format!("{:.2}", two[index][0]),
        ]
    };
    let head = [
        "store",
        "CPU time, ns per pair, the last ones",
        "bytes per id",
        "longest pair while growing, µs of CPU time",
        "one thread, million/s",
        "two threads, million/s",
    ];
    section.table(&head, (0..names.len()).map(row));
    let ids = Axis::plain("ids remembered");
    for (file, title, axis, figure) in [
        ("memory_store-time", "Memory store: CPU time of a pair", Axis::plain("ns"), 0),
        ("memory_store-bytes", "Memory store: resident bytes per id", Axis::plain("bytes"), 1),
    ] {
        let line = |index: usize| {
            let at = |(size, ids): (usize, &u32)| {
                (f64::from(*ids), grown[index][2 * size + figure].median.max(1.0))
            };
            Line {
                name: names[index].to_owned(),
                points: sizes().iter().enumerate().map(at).collect(),
            }
        };
        let lines: Vec<Line> = (0..names.len()).map(line).collect();
        section.plot(file, title, plot::lines(title, ids, axis, &lines));
    }
    section.finish();
}

/// The figures that each store's processes print.
fn measure(what: &str, names: &[&str]) -> Vec<Vec<Figure>> {
    let mut all: Vec<Vec<Vec<f64>>> = vec![Vec::new(); names.len()];
    // A process of its own needs no round that warms up.
    take_turns(rounds(ROUNDS) - 1, names.len(), |index, _| {
        all[index].push(in_a_process(what, names[index]));
    });
    let figures = |rounds: Vec<Vec<f64>>| {
        let figure = |at: usize| Figure::of(rounds.iter().map(|round| round[at]).collect());
        (0..rounds[0].len()).map(figure).collect()
    };
    all.into_iter().map(figures).collect()
}

fn in_a_process(what: &str, name: &str) -> Vec<f64> {
    let mut command = Command::new(env::current_exe().expect("this benchmark's path"));
    let output = command.args([what, name]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = String::from_utf8(output.stdout).expect("figures");
    output.split_whitespace().map(|figure| figure.parse().expect("a number")).collect()
}

/// Prints, at each size, the time of a pair since the size before, and the bytes per id.
fn grow(name: &str) {
    let (store, before, mut begin) = (store(name), resident_bytes(), 0);
    for size in sizes() {
        let batches = (begin..*size).step_by(BATCH as usize);
        let nanos: f64 = batches.map(|first| cpu_nanos(store(first..first + BATCH))).sum();
        let bytes = (resident_bytes() - before) / f64::from(*size);
        println!("{} {bytes}", nanos / f64::from(size - begin));
        begin = *size;
    }
}

/// Prints the time of the longest pair while the store grows, in microseconds.
fn longest(name: &str) {
    let store = store(name);
    let ids = 0..*sizes().last().expect("sizes");
    println!("{}", ids.map(|id| cpu_nanos(store(id..id + 1))).fold(0.0, f64::max) / 1e3);
}

/// Prints the millions of pairs per second that so many threads handle together.
fn threads(name: &str, count: u32) {
    let many = if is_quick() { 100_000 } else { 1_000_000 };
    let (store, ready) = (store(name), Barrier::new(count as usize));
    let begun = thread::scope(|scope| {
        let part = |part: u32| {
            let (store, ready) = (&store, &ready);
            scope.spawn(move || {
                let own = many / count;
                let job = store(part * own..(part + 1) * own);
                ready.wait();
                let begun = Instant::now();
                job();
                begun
            })
        };
        let parts: Vec<_> = (0..count).map(part).collect();
        parts.into_iter().map(|part| part.join().expect("no panic")).min().expect("a thread")
    });
    println!("{}", f64::from(many) / begun.elapsed().as_secs_f64() / 1e6);
}

/// Prepares what is to be remembered. The job that is returned remembers it.
type Prepare = Box<dyn Fn(Range<u32>) -> Box<dyn FnOnce()> + Send + Sync>;

fn store(name: &str) -> Prepare {
    match OURS.iter().position(|ours| *ours == name) {
        Some(2) => by_hand(),
        Some(index) => ours(index == 0),
        None => {
            let store = STORES.iter().find(|store| store.name == name).expect("a store's name");
            peer((store.make)(SIZES[SIZES.len() - 1] as usize + 1_000_000))
        }
    }
}

fn ours(signed: bool) -> Prepare {
    let capacity = SIZES[SIZES.len() - 1] as usize;
    let store = SharedStore::new(MemoryStore::with_capacity(capacity).expect("a capacity"));
    let scope = Scope::new("bench").expect("a scope");
    Box::new(move |ids| {
        let claims: Vec<Claim> = ids.map(|id| claim(&scope, id, signed)).collect();
        let store = store.clone();
        Box::new(move || {
            for claim in &claims {
                assert!(matches!(now(store.claim(claim)), Ok(ClaimAnswer::Acquired)));
                assert!(matches!(now(store.complete(claim)), Ok(Completion::Recorded)));
            }
        })
    })
}

fn claim(scope: &Scope, number: u32, signed: bool) -> Claim {
    let id = DeliveryId::new(id(number)).expect("an id");
    let mut claim = Claim::new(scope.clone(), id, Fingerprint::of(&number.to_ne_bytes()));
    if signed {
        let spread = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        claim.replay_keys = [ReplayKey::from_bytes(spread.to_be_bytes())].into();
    }
    claim
}

fn by_hand() -> Prepare {
    let seen: Mutex<LruCache<String, ()>> = Mutex::new(LruCache::unbounded());
    peer(Box::new(move |id| seen.lock().expect("no panic").put(id.to_owned(), ()).is_none()))
}

fn peer(insert: Insert) -> Prepare {
    let insert = Arc::new(insert);
    Box::new(move |ids| {
        let ids: Vec<String> = ids.map(id).collect();
        let insert = Arc::clone(&insert);
        Box::new(move || ids.iter().for_each(|id| assert!(insert(id), "{id} is new")))
    })
}

/// An id in the form of Nevent's ids.
fn id(number: u32) -> String {
    format!("{number:08x}-89ab-cdef-0123-456789abcdef")
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a store in memory never waits"),
    }
}

fn resident_bytes() -> f64 {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u32 = pages.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    f64::from(pages) * 4096.0
}
