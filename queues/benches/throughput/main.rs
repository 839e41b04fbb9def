//! How many deliveries a second a receiver hands over, and a worker handles, beside a plain producer and a
//! plain consumer of the same client, with the same broker.
//!
//!     cd queues && cargo bench --all-features --bench throughput [-- rabbitmq redis_streams …] [--rounds N]
//!
//! Everything runs on one machine, and all but the broker in one process: the sender signs each delivery and
//! sends it over HTTP, which a plain producer need not. So the first column has the same receiver, with the
//! same store, whose handler does nothing.
//!
//! A worker reads each entry as an envelope, and records it in `Once`, here in memory. A plain consumer does
//! neither: it only takes and acknowledges.

mod engine;
mod kafka;
mod nats;
#[path = "../../tests/kafka/objects.rs"]
mod objects;
mod postgres;
mod rabbitmq;
mod redis_streams;
mod servers;
mod sqs;
#[path = "../../tests/support/mod.rs"]
mod support;
mod taken;

use self::engine::{Bench, Engine, Rates};

const ROUNDS: usize = 7;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let (named, rounds) = arguments();
    println!(
        "| engine | receiver alone/s | hand-over/s | plain producer/s | share | worker/s | plain consumer/s \
        | share |"
    );
    println!("|{}", " --- |".repeat(8));
    Box::pin(row::<postgres::Postgres>(&named, rounds)).await;
    Box::pin(row::<redis_streams::Streams>(&named, rounds)).await;
    Box::pin(row::<rabbitmq::Rabbit>(&named, rounds)).await;
    Box::pin(row::<nats::Nats>(&named, rounds)).await;
    Box::pin(row::<kafka::Kafka>(&named, rounds)).await;
    Box::pin(row::<sqs::Sqs>(&named, rounds)).await;
}

/// The engines, of which none means all, and the rounds.
fn arguments() -> (Vec<String>, usize) {
    let (mut named, mut rounds) = (Vec::new(), ROUNDS);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--rounds" {
            let number = words.next().and_then(|number| number.parse().ok());
            rounds = number.filter(|rounds| *rounds > 0).expect("--rounds N, at least 1");
        } else if !word.starts_with('-') {
            named.push(word);
        }
    }
    (named, rounds)
}

/// Several rounds, each of which measures everything, so that a busy moment of the machine meets all.
async fn row<E: Engine>(named: &[String], rounds: usize) {
    if !named.is_empty() && !named.iter().any(|name| name == E::NAME) {
        return;
    }
    let bench = Bench::<E>::start().await;
    bench.round(false).await; // Warm.
    let mut measured = Vec::new();
    for round in 0..rounds {
        measured.push(bench.round(round % 2 == 1).await);
    }
    let rates = |column: usize| measured.iter().map(|Rates(rates)| rates[column]).collect();
    let [alone, handed_over, produced, worked, consumed]: [Vec<f64>; 5] =
        [0, 1, 2, 3, 4].map(rates);
    println!(
        "| {} | {} | {} | {} | {} | {} | {} | {} |",
        E::NAME,
        spread(&alone, 0),
        spread(&handed_over, 0),
        spread(&produced, 0),
        spread(&shares(&handed_over, &produced), 2),
        spread(&worked, 0),
        spread(&consumed, 0),
        spread(&shares(&worked, &consumed), 2),
    );
    let repeated = bench.repeated(rounds + 1);
    if repeated > 0 {
        eprintln!("{}: the sender has repeated {repeated} requests", E::NAME);
    }
}

fn shares(ours: &[f64], plain: &[f64]) -> Vec<f64> {
    ours.iter().zip(plain).map(|(ours, plain)| ours / plain).collect()
}

/// The median, and the lowest and the highest.
fn spread(figures: &[f64], digits: usize) -> String {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lowest, middle, highest) = (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    format!("{middle:.digits$} ({lowest:.digits$} – {highest:.digits$})")
}
