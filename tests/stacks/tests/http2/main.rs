//! HTTP/2: one connection brings hundreds of bodies at once, and the budget for bodies
//! without a verdict bounds them as it bounds those of many connections (row b10).

mod client;
#[path = "../../../support/secrets.rs"]
mod secrets;
mod servers;
mod soak;

use std::time::Duration;

use client::{Client, eventually};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Verifier, VerifyLayer, VerifyOptions};
use secrets::{SECRET, secret};
use servers::{Handled, Server};

const MIB: usize = 1024 * 1024;
const BUDGET: usize = 4 * MIB;
/// In one connection, half a MiB each.
const STREAMS: usize = 400;
const LONG: Duration = Duration::from_mins(2);

/// One test for all servers: the process's memory is the measure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b10_many_streams_stay_within_the_budget() {
    for (name, serve) in servers::ALL {
        let options = VerifyOptions::new().unverified_budget(BUDGET);
        let (verify, dedupe) = layers(options.stall_timeout(LONG).body_timeout(LONG));
        let server = serve(verify.clone(), dedupe, Handled::default());
        within_the_budget(name, &server, &verify).await;
    }
}

fn layers(options: VerifyOptions) -> (VerifyLayer, DedupeLayer) {
    let verify = VerifyLayer::with_options(Verifier::new(secret(SECRET)), options);
    (verify, DedupeLayer::new("http2", MemoryStore::new()).unwrap())
}

async fn within_the_budget(name: &str, server: &Server, verify: &VerifyLayer) {
    let attacker = Client::connect(server.address).await;
    let before = resident_memory();
    let mut answers = attacker.stall(STREAMS, MIB / 2);
    // Two bodies fill a MiB at the least, and one at the most, for a buffer doubles.
    let stalled = BUDGET / MIB..=2 * BUDGET / MIB;
    let mut most = 0;
    for _ in *stalled.end()..STREAMS {
        let answer = tokio::time::timeout(LONG, answers.join_next()).await.expect("an answer");
        let (status, text, retry_after) = answer.unwrap().unwrap().expect("an answer");
        assert_eq!((status, text.as_str()), (503, "Try again later"), "{name}");
        assert!(retry_after, "{name}");
        most = most.max(verify.unverified_bytes());
    }
    let grown = resident_memory().saturating_sub(before);
    println!("{name}: held {} KiB, grown by {} KiB", most >> 10, grown >> 10);
    assert!((MIB..=BUDGET).contains(&most), "{name}: {most} bytes");
    assert!(grown < STREAMS * MIB / 4, "{name}: {grown} bytes");
    assert!(verify.budget_rejections() >= (STREAMS - stalled.end()) as u64, "{name}");

    drop((answers, attacker));
    eventually("all is given back", || verify.unverified_bytes() == 0).await;
    let genuine = Client::connect(server.address).await;
    for expected in ["", "Already processed"] {
        let answer = genuine.deliver("d-1", MIB).await.expect("an answer");
        assert_eq!(answer, (200, expected.to_owned(), false), "{name}");
    }
}

fn resident_memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}
