//! What a request allocates in each receiver, called without a socket, and what reading an
//! event allocates:
//!
//! ```sh
//! cargo run --release --bin allocations     # --save writes the section of BENCHMARKS.md
//! ```
//!
//! A program of its own, because the allocator that counts would slow what is timed. The figures are
//! exact: they are the median of a hundred requests, of which hardly any differs.

use allocation_counter::{AllocationInfo, measure};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_benches::deliveries::sign_new;
use nevent_webhooks_benches::in_process::start;
use nevent_webhooks_benches::readers::{PURCHASE, batch, extensions_of, hundred, single};
use nevent_webhooks_benches::receivers::AnyReceiver;
use nevent_webhooks_benches::rounds::Contestant;
use nevent_webhooks_benches::section::Section;

const SIZES: [(usize, &str); 3] = [(1 << 10, "1 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB")];
const HEAD: [&str; 4] = [
    "receiver",
    "allocations",
    "bytes allocated",
    "most bytes at one time, beside the request itself",
];
/// Requests that come first, after which tables and caches have their usual size.
const WARM_UP: u32 = 300;
const MEASURED: u32 = 100;

fn main() {
    let mut section = Section::new("allocations");
    for (length, size) in SIZES {
        section.text(&format!("**Bodies of {size}.**"));
        section.table(&HEAD, AnyReceiver::all().map(|receiver| row(receiver, length)));
    }
    section.text("Instructions at 1 KiB, as `./count` has them in `benches/instructions.txt`:");
    let lines = include_str!("../../instructions.txt").lines();
    let rows = lines.filter_map(|line| line.strip_prefix("in process, ")?.split_once(": "));
    let head = ["receiver", "instructions more than bare axum and the MAC"];
    section.table(&head, rows.map(|(name, count)| [name.to_owned(), count.to_owned()]));
    let events = hundred();
    let extensions = extensions_of(&events);
    for (workload, contestants) in [
        ("a purchase", single(PURCHASE.as_bytes())),
        ("a batch of a hundred purchases", batch(&extensions, events.as_bytes())),
    ] {
        let head = [&*format!("reading {workload}"), "allocations", "bytes allocated"];
        section.table(&head, contestants.into_iter().map(of_reading));
    }
    let empty = measure(|| {
        std::hint::black_box(MemoryStore::with_capacity(1_000_000_000)).ok();
    });
    section.text(&format!(
        "`MemoryStore` with room for a billion records takes {} bytes while it is empty.",
        empty.bytes_max
    ));
    section.finish();
}

fn of_reading(mut contestant: Contestant<'_>) -> [String; 3] {
    let info = measure(|| {
        (contestant.run)(1);
    });
    [contestant.name.to_owned(), info.count_total.to_string(), info.bytes_total.to_string()]
}

fn row(receiver: AnyReceiver, length: usize) -> [String; 4] {
    let prepare = start(receiver);
    prepare(&sign_new(WARM_UP, length))();
    let infos: Vec<AllocationInfo> = sign_new(MEASURED, length)
        .iter()
        .map(|delivery| {
            let job = prepare(std::slice::from_ref(delivery));
            measure(job)
        })
        .collect();
    let median = |figure: fn(&AllocationInfo) -> u64| {
        let mut figures: Vec<u64> = infos.iter().map(figure).collect();
        figures.sort_unstable();
        figures[figures.len() / 2].to_string()
    };
    [
        receiver.name().to_owned(),
        median(|info| info.count_total),
        median(|info| info.bytes_total),
        median(|info| info.bytes_max),
    ]
}
