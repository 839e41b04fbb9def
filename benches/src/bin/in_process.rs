//! The time that receivers add to a bare framework, called without a socket:
//!
//! ```sh
//! cargo run --release --bin in_process      # --save writes the section of BENCHMARKS.md
//! ```
//!
//! Deliveries are signed and requests are built before the clock runs, and none of them came before.

use nevent_webhooks_benches::deliveries::sign_new;
use nevent_webhooks_benches::in_process::start;
use nevent_webhooks_benches::plot;
use nevent_webhooks_benches::receivers::AnyReceiver;
use nevent_webhooks_benches::rounds::{Contestant, Figure, Timing, compare, is_quick, rounds};
use nevent_webhooks_benches::section::Section;

const ROUNDS: usize = 31;
/// Sizes of bodies, with the requests of a turn.
const SIZES: [(usize, &str, u32); 3] =
    [(1 << 10, "1 KiB", 2000), (64 << 10, "64 KiB", 200), (1 << 20, "1 MiB", 16)];
const HEAD: [&str; 4] = [
    "receiver",
    "CPU time, µs per request",
    "more than its bare framework, µs",
    "against the same framework's hashing handler",
];

fn main() {
    let mut section = Section::new("in_process");
    for (length, size, times) in SIZES {
        let times = if is_quick() { times.div_ceil(10) } else { times };
        let (mut rows, mut bars) = (Vec::new(), Vec::new());
        for on_axum in [true, false] {
            let receivers: Vec<AnyReceiver> = AnyReceiver::all()
                .filter(|receiver| matches!(receiver, AnyReceiver::Axum(_)) == on_axum)
                .collect();
            let timings = measure(&receivers, length, times);
            rows.extend(timings.iter().map(|timing| row(timing, &timings)));
            bars.extend(timings[1..].iter().map(|timing| bar(timing, &timings[0])));
        }
        let rounds = rounds(ROUNDS);
        section.text(&format!("**Bodies of {size}.** {rounds} rounds of {times} requests."));
        section.table(&HEAD, rows);
        if length == SIZES[0].0 {
            let title = "Microseconds added to the bare framework, bodies of 1 KiB";
            section.plot("in_process-1-KiB", title, plot::bars(title, &bars, 2));
        }
    }
    section.finish();
}

/// The receivers of one framework. The first is the bare one, the second hashes.
fn measure(receivers: &[AnyReceiver], length: usize, times: u32) -> Vec<Timing<'static>> {
    let contestant = |receiver: &AnyReceiver| {
        let prepare = start(*receiver);
        let prepare = move |times| prepare(&sign_new(times, length));
        Contestant::with_input(receiver.name(), prepare, |job| job())
    };
    let mut contestants: Vec<_> = receivers.iter().map(contestant).collect();
    compare(rounds(ROUNDS), times, &mut contestants)
}

fn row(timing: &Timing, all: &[Timing]) -> [String; 4] {
    let (bare, hashing) = (&all[0], &all[1]);
    [
        timing.name.to_owned(),
        format!("{:.2}", micros(timing.nanos)),
        format!("{:.2}", micros(timing.beyond(bare))),
        format!("{:.3}", timing.against(hashing)),
    ]
}

fn bar(timing: &Timing, bare: &Timing) -> (String, Figure) {
    (timing.name.to_owned(), micros(timing.beyond(bare)))
}

fn micros(Figure { median, low, high }: Figure) -> Figure {
    Figure { median: median / 1e3, low: low / 1e3, high: high / 1e3 }
}
