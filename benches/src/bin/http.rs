//! Requests per second, CPU time and latency over HTTP/1.1 on the loopback interface:
//!
//! ```sh
//! cargo run --release --bin http            # --save writes the section of BENCHMARKS.md
//! ```
//!
//! Each receiver is a server in a process of its own on the machine's last core. The load generator has
//! the first core. It sends deliveries that never came before, signed right before the round begins.

use bytes::Bytes;
use nevent_webhooks_benches::deliveries::{Signed, sign_new};
use nevent_webhooks_benches::load::{Load, Round};
use nevent_webhooks_benches::plot;
use nevent_webhooks_benches::receivers::{AnyReceiver, Receiver};
use nevent_webhooks_benches::rounds::{Figure, is_quick, rounds, take_turns};
use nevent_webhooks_benches::section::Section;
use nevent_webhooks_benches::server::{Core, Server, pin, serve};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 21;
/// Sizes of bodies, with the requests of a round.
const SIZES: [(usize, &str, u32); 3] =
    [(1 << 10, "1 KiB", 30_000), (64 << 10, "64 KiB", 4_000), (1 << 20, "1 MiB", 250)];
const HEAD: [&str; 8] = [
    "receiver",
    "requests/s",
    "against the same framework's hashing handler",
    "against bare axum",
    "server CPU, µs per request",
    "p50, µs",
    "p99, µs",
    "load generator busy, %",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, name] = &arguments[..]
        && command == "serve"
    {
        return serve(name);
    }
    pin(Core::First);
    let mut section = Section::new("http");
    for (length, size, requests) in SIZES {
        let requests = if is_quick() { requests / 10 } else { requests };
        let contenders = measure(length, requests);
        report(&mut section, size, requests, &contenders);
    }
    section.finish();
}

/// A receiver, and what its rounds showed.
struct Contender {
    receiver: AnyReceiver,
    server: Server,
    load: Load,
    /// Each with the server's CPU time per request, in microseconds.
    rounds: Vec<(Round, f64)>,
}

fn measure(length: usize, requests: u32) -> Vec<Contender> {
    let start = |receiver| {
        let server = Server::start(receiver);
        let load = Load::connect(server.address, CONNECTIONS);
        Contender { receiver, server, load, rounds: Vec::new() }
    };
    let mut contenders: Vec<Contender> = AnyReceiver::all().map(start).collect();
    take_turns(rounds(ROUNDS), contenders.len(), |index, counts| {
        let contender = &mut contenders[index];
        let prepared: Vec<Bytes> =
            sign_new(requests, length).iter().map(Signed::to_http1).collect();
        let before = contender.server.cpu_nanos();
        let round = contender.load.run(&prepared);
        let micros = (contender.server.cpu_nanos() - before) / f64::from(requests) / 1e3;
        if counts {
            contender.rounds.push((round, micros));
        }
    });
    contenders
}

impl Contender {
    fn figure(&self, of: impl Fn(&(Round, f64)) -> f64) -> Figure {
        Figure::of(self.rounds.iter().map(of).collect())
    }

    fn row(&self, all: &[Self]) -> [String; 8] {
        let find = |receiver| all.iter().find(|c| c.receiver == receiver).expect("a contender");
        [
            self.receiver.name().to_owned(),
            format!("{:.0}", self.figure(|(round, _)| round.per_second)),
            format!("{:.3}", self.against(find(self.receiver.hashing()))),
            format!("{:.3}", self.against(find(AnyReceiver::Axum(Receiver::Bare)))),
            format!("{:.2}", self.figure(|(_, micros)| *micros)),
            format!("{:.0}", self.figure(|(round, _)| round.p50_micros)),
            format!("{:.0}", self.figure(|(round, _)| round.p99_micros)),
            format!("{:.0}", self.figure(|(round, _)| round.busy * 100.0)),
        ]
    }

    fn bar(&self) -> (String, Figure) {
        (self.receiver.name().to_owned(), self.figure(|(round, _)| round.per_second))
    }

    /// The requests per second against those of the other receiver in the same round.
    fn against(&self, other: &Self) -> Figure {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Figure::of(
            pairs.map(|((own, _), (others, _))| own.per_second / others.per_second).collect(),
        )
    }
}

fn report(section: &mut Section, size: &str, requests: u32, contenders: &[Contender]) {
    section.text(&format!(
        "**Bodies of {size}.** {} rounds of {requests} requests each on {CONNECTIONS} connections.",
        contenders[0].rounds.len(),
    ));
    section.table(&HEAD, contenders.iter().map(|contender| contender.row(contenders)));
    let title = format!("Requests per second, bodies of {size}");
    let bars: Vec<_> = contenders.iter().map(Contender::bar).collect();
    let file = format!("http-{}", size.replace(' ', "-"));
    section.plot(&file, &title, plot::bars(&title, &bars, 0));
}
