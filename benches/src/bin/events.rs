//! Compares reading typed events with `serde_json` into a plain struct of the same fields:
//!
//! ```sh
//! cargo run --release --bin events          # --save writes the section of BENCHMARKS.md
//! ```
//!
//! The plain struct has text, floats and integers, as most people write it. The rich struct has the
//! amounts, times and dates of `Event<EventData>`. Both ignore undocumented fields.
//!
//! `events purchase 1 10000` reads the purchase as its second contestant does, 10,000 times, to count
//! the instructions under callgrind.

use std::env;

use nevent_webhooks_benches::readers::{PURCHASE, SMALL, batch, extensions_of, hundred, single};
use nevent_webhooks_benches::rounds::{Contestant, compare, rounds};
use nevent_webhooks_benches::section::Section;

const ROUNDS: usize = 21;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let events = hundred();
    let extensions = extensions_of(&events);
    let workloads: [(&str, Vec<Contestant<'_>>); 3] = [
        ("purchase", single(PURCHASE.as_bytes())),
        ("small", single(SMALL.as_bytes())),
        ("batch", batch(&extensions, events.as_bytes())),
    ];
    let mut section = Section::new("events");
    section.text(&format!("{} rounds.", rounds(ROUNDS)));
    for (workload, mut contestants) in workloads {
        match &arguments[1..] {
            [name, contestant, times] if name == workload => {
                let contestant: usize = contestant.parse().expect("a contestant's position");
                (contestants[contestant].run)(times.parse().expect("a number"));
            }
            [] | [_] => add_table(&mut section, workload, &mut contestants),
            _ => {}
        }
    }
    if arguments.len() <= 2 {
        section.finish();
    }
}

fn add_table(section: &mut Section, workload: &str, contestants: &mut [Contestant<'_>]) {
    let times = if workload == "batch" { 20 } else { 2000 };
    let timings = compare(rounds(ROUNDS), times, contestants);
    let rows = timings.iter().map(|timing| {
        [timing.name.to_owned(), format!("{:.0}", timing.nanos), format!("{:.2}", timing.ratio)]
    });
    section.table(&[workload, "ns", "against the first"], rows);
}
