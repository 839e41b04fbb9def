//! Measures a receiver whose effect and record commit together, beside the effect alone, an inbox
//! table, and the store's plain completion after the effect:
//!
//! ```sh
//! ../ops/with-postgres cargo run --release --bin postgres_store
//! # For a profiler: this contestant alone, so many at once, and so many deliveries.
//! ../ops/with-postgres cargo run --release --bin postgres_store Commit 8 20000
//! ```
//!
//! A delivery is a signed request that passes the layers in this process. Its effect is a row that the
//! handler inserts. The server is a private one with its defaults: each commit waits for the disk,
//! unless a contestant's name says otherwise.

mod receiver;

use std::time::Instant;

use nevent_webhooks_benches::deliveries::{Signed, sign_new};
use nevent_webhooks_benches::rounds::{Figure, rounds, whose_turn};
use nevent_webhooks_benches::section::Section;
use tokio::task::JoinSet;

use self::receiver::{Contestant, Receiver};

const ROUNDS: usize = 7;

/// Deliveries in a round, by how many are under way at once.
const LOADS: [(u32, u32); 3] = [(1, 400), (8, 2_000), (32, 4_000)];

#[tokio::main]
async fn main() {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL, as ops/with-postgres sets it");
    let receiver = Receiver::on(&url).await;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [contestant, at_once, deliveries] = &arguments[..] {
        let named = |of: &Contestant| format!("{of:?}") == *contestant;
        let contestant = Contestant::ALL.into_iter().find(named).expect("a contestant");
        let [at_once, deliveries] = [at_once, deliveries].map(|n| n.parse().expect("a number"));
        println!("{:.0} a second", speed(&receiver, contestant, at_once, deliveries).await);
        return;
    }
    let mut rows = Vec::new();
    for (at_once, deliveries) in LOADS {
        rows.push((at_once, take_turns(&receiver, at_once, deliveries).await));
    }
    receiver.assert_each_effect_once().await;
    let mut section = Section::new("postgres_store");
    speeds(&mut section, &rows);
    shares(&mut section, &rows);
    section.finish();
}

/// Deliveries per second of one contestant in each round.
type Speeds = Vec<f64>;

/// Lets the contestants take turns.
async fn take_turns(
    receiver: &Receiver,
    at_once: u32,
    deliveries: u32,
) -> [Speeds; Contestant::ALL.len()] {
    let mut speeds = Contestant::ALL.map(|_| Vec::new());
    for round in 0..=rounds(ROUNDS) {
        for place in 0..speeds.len() {
            let which = whose_turn(round, place, speeds.len());
            let speed = speed(receiver, Contestant::ALL[which], at_once, deliveries).await;
            // The first round warms up.
            if round > 0 {
                speeds[which].push(speed);
            }
        }
    }
    speeds
}

async fn speed(receiver: &Receiver, of: Contestant, at_once: u32, deliveries: u32) -> f64 {
    let each = deliveries / at_once;
    let signed: Vec<Vec<Signed>> = (0..at_once).map(|_| sign_new(each, 256)).collect();
    receiver.settle().await;
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for own in signed {
        let receiver = receiver.clone();
        senders.spawn(async move {
            for delivery in own {
                receiver.deliver(of, &delivery).await;
            }
        });
    }
    senders.join_all().await;
    f64::from(each * at_once) / begun.elapsed().as_secs_f64()
}

fn speeds(section: &mut Section, rows: &[(u32, [Speeds; Contestant::ALL.len()])]) {
    section.text(&format!("Deliveries per second, in {} rounds:", rounds(ROUNDS)));
    let figure = |speeds: &Speeds| format!("{:.0}", Figure::of(speeds.clone()));
    table(section, rows, |speeds, _| figure(speeds));
}

fn shares(section: &mut Section, rows: &[(u32, [Speeds; Contestant::ALL.len()])]) {
    section.text("As a share of the effect alone in the same round:");
    table(section, rows, |speeds, alone| {
        let shares = speeds.iter().zip(alone).map(|(own, alone)| own / alone);
        format!("{:.2}", Figure::of(shares.collect()))
    });
}

/// A line for each contestant. `cell` gets its speeds, and those of the effect alone.
fn table(
    section: &mut Section,
    rows: &[(u32, [Speeds; Contestant::ALL.len()])],
    cell: impl Fn(&Speeds, &Speeds) -> String,
) {
    let at_once = rows.iter().map(|(at_once, _)| format!("{at_once} at once"));
    let head: Vec<String> = std::iter::once(String::new()).chain(at_once).collect();
    let lines = Contestant::ALL.iter().enumerate().map(|(which, contestant)| {
        let cells = rows.iter().map(|(_, all)| cell(&all[which], &all[0]));
        std::iter::once(contestant.name().to_owned()).chain(cells).collect::<Vec<_>>()
    });
    section.table(&head.iter().map(String::as_str).collect::<Vec<_>>(), lines);
}
