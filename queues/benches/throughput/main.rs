//! How many deliveries a second a receiver hands over, and a worker handles, beside a plain producer and a
//! plain consumer of the same client, with the same broker.
//!
//!     cd queues && cargo bench --all-features --bench throughput [-- rabbitmq redis_streams …]
//!
//! Everything runs on one machine: the sender, the receiver, the worker and the broker.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/rabbitmq/broker.rs"]
mod broker;
mod engine;
mod rabbitmq;
mod redis_streams;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/redis_streams/server.rs"]
mod server;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use self::engine::{Engine, Rate, measure};

const ROUNDS: usize = 7;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let named: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    println!(
        "| engine | hand-over/s | plain producer/s | share | worker/s | plain consumer/s | share |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    row::<rabbitmq::Rabbit>(&named).await;
    row::<redis_streams::Streams>(&named).await;
}

/// Several rounds, each of which measures all four, so that a busy moment of the machine meets all.
async fn row<E: Engine>(named: &[String]) {
    if !named.is_empty() && !named.iter().any(|name| name == E::NAME) {
        return;
    }
    let engine = E::start().await;
    measure(&engine).await; // Warm.
    let mut figures: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let rates = measure(&engine).await;
        for (name, rate) in rates.each() {
            figures.entry(name).or_default().push(rate);
        }
    }
    let [hand_over, produced, worked, consumed] = Rate::NAMES.map(|name| &figures[name]);
    println!(
        "| {} | {} | {} | {} | {} | {} | {} |",
        E::NAME,
        spread(hand_over, 0),
        spread(produced, 0),
        spread(&shares(hand_over, produced), 2),
        spread(worked, 0),
        spread(consumed, 0),
        spread(&shares(worked, consumed), 2),
    );
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
