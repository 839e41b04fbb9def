//! Measures the Redis store beside pairs of commands over the same client: bare `SET NX PX`, scripts
//! that do nothing, and scripts that write what the store writes but check nothing.
//!
//! ```sh
//! cargo run --release --bin redis_store   # -- --save writes the section of BENCHMARKS.md
//! # For callgrind: that many deliveries, that many at once, and nothing else.
//! cargo run --release --bin redis_store count store 10000 64
//! ```
//!
//! A delivery is the claim and the completion of a new one, whose signed bytes never came before. The
//! benchmark starts its own redis-server. All contestants make two round trips for a delivery, over one
//! connection each, and every command has a timeout of a second. The pairs use a plain
//! `MultiplexedConnection` of the `redis` crate. The store's driver lets callers share a write.

mod clients;
mod server;

use std::time::Instant;

use nevent_webhooks_benches::rounds::{self, Figure};
use nevent_webhooks_benches::section::Section;

use self::clients::{Clients, Contestant};
use self::server::Server;

const PER_ROUND: u32 = 15_000;
const ROUNDS: usize = 7;
const MILLION: u32 = 1_000_000;
const CONTESTANTS: [Contestant; 4] =
    [Contestant::Sets, Contestant::EmptyScripts, Contestant::WritingScripts, Contestant::Store];

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let server = Server::start().await;
    let clients = Clients::of(&server).await;
    if let [what, contestant, deliveries, at_once] = &arguments[..]
        && what == "count"
    {
        let number = |text: &str| text.parse().expect("a number");
        return clients.work(named(contestant), number(deliveries), number(at_once)).await;
    }
    let mut rows = Vec::new();
    for at_once in [1, 16, 64, 256] {
        rows.push((at_once, take_turns(&server, &clients, at_once).await));
    }
    let mut section = Section::new("redis_store");
    speeds(&mut section, &rows);
    shares(&mut section, &rows);
    cpu(&mut section, &rows);
    memory(&mut section, &server, &clients).await;
    section.finish();
}

fn named(contestant: &str) -> Contestant {
    match contestant {
        "sets" => Contestant::Sets,
        "empty" => Contestant::EmptyScripts,
        "writing" => Contestant::WritingScripts,
        "store" => Contestant::Store,
        _ => panic!("sets, empty, writing or store"),
    }
}

/// What one contestant did in each round.
#[derive(Default)]
struct Measured {
    /// Deliveries per second.
    speed: Vec<f64>,
    /// CPU microseconds for each delivery: the server's, and this process's.
    cpu: [Vec<f64>; 2],
}

/// Lets the contestants take turns.
async fn take_turns(server: &Server, clients: &Clients, at_once: u32) -> [Measured; 4] {
    let mut measured: [Measured; 4] = Default::default();
    let deliveries = if at_once == 1 { PER_ROUND / 4 } else { PER_ROUND };
    for round in 0..=rounds::rounds(ROUNDS) {
        for turn in 0..CONTESTANTS.len() {
            let which = rounds::whose_turn(round, turn, CONTESTANTS.len());
            server.command("FLUSHALL").await;
            let (before, begun) = (server.cpu_of_both(), Instant::now());
            clients.work(CONTESTANTS[which], deliveries, at_once).await;
            let (elapsed, after) = (begun.elapsed().as_secs_f64(), server.cpu_of_both());
            // The first round warms up.
            if round > 0 {
                measured[which].speed.push(f64::from(deliveries) / elapsed);
                for (process, cpu) in measured[which].cpu.iter_mut().enumerate() {
                    let micros = (after[process] - before[process]) * 1e6;
                    cpu.push(micros / f64::from(deliveries));
                }
            }
        }
    }
    measured
}

fn speeds(section: &mut Section, rows: &[(u32, [Measured; 4])]) {
    let rounds = rounds::rounds(ROUNDS);
    section.text(&format!("Thousand deliveries per second, in {rounds} rounds:"));
    let thousands = |of: &Measured| Figure::of(of.speed.iter().map(|each| each / 1e3).collect());
    let rows = rows.iter().map(|(at_once, measured)| {
        let figures = measured.each_ref().map(|of| format!("{:.1}", thousands(of)));
        row(&at_once.to_string(), &figures)
    });
    section.table(&head("at once"), rows);
}

fn shares(section: &mut Section, rows: &[(u32, [Measured; 4])]) {
    section.text("The store's deliveries per second, as a share of another's in the same round:");
    let rows = rows.iter().map(|(at_once, [others @ .., store])| {
        let shares = others.each_ref().map(|other| {
            let shares = store.speed.iter().zip(&other.speed).map(|(own, other)| own / other);
            format!("{:.2}", Figure::of(shares.collect()))
        });
        row(&at_once.to_string(), &shares)
    });
    section.table(&head("at once")[..4], rows);
}

fn cpu(section: &mut Section, rows: &[(u32, [Measured; 4])]) {
    section.text("CPU microseconds for each delivery:");
    let rows = rows.iter().flat_map(|(at_once, measured)| {
        ["server", "client"].into_iter().enumerate().map(move |(process, name)| {
            let figures = measured.each_ref().map(|of| Figure::of(of.cpu[process].clone()));
            row(&format!("{at_once}, {name}"), &figures.map(|figure| format!("{figure:.1}")))
        })
    });
    section.table(&head("at once, of"), rows);
}

async fn memory(section: &mut Section, server: &Server, clients: &Clients) {
    section.text(&format!("The server's memory for each of {MILLION} deliveries, in bytes:"));
    let mut bytes = Vec::new();
    for contestant in [Contestant::StoreUnsigned, Contestant::Store] {
        server.command("FLUSHALL").await;
        let before = server.used_memory().await;
        clients.work(contestant, MILLION, 64).await;
        let each = (server.used_memory().await - before) / f64::from(MILLION);
        bytes.push(format!("{each:.0}"));
    }
    section.table(&["completed", "completed, and its signature fresh"], [bytes]);
}

fn head(first: &str) -> [&str; 5] {
    [first, "two `SET NX PX`", "two empty scripts", "two writing scripts", "store"]
}

fn row(name: &str, cells: &[String]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells.iter().cloned()).collect()
}
