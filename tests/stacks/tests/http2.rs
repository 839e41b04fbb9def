//! b10 over HTTP/2: one connection brings hundreds of bodies at once, and the budget for
//! bodies without a verdict bounds them as it bounds those of many connections.

mod http2 {
    pub mod client;
    pub mod servers;
}

use std::time::Duration;

use http2::client::{Client, eventually};
use http2::servers::{self, Server};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Secret, Verifier, VerifyLayer};

const SECRET: &str = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
const MIB: usize = 1024 * 1024;
const BUDGET: usize = 4 * MIB;
/// In one connection, half a MiB each.
const STREAMS: usize = 400;
const LONG: Duration = Duration::from_mins(2);

/// One test for all servers: the process's memory is the measure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b10_many_streams_stay_within_the_budget() {
    for (name, serve) in servers::ALL {
        let verify = VerifyLayer::new(Verifier::new(Secret::new(SECRET).unwrap()))
            .unverified_budget(BUDGET)
            .stall_timeout(LONG)
            .body_timeout(LONG);
        let dedupe = DedupeLayer::new("http2", MemoryStore::with_capacity(1000).unwrap()).unwrap();
        let server: Server = serve(verify.clone(), dedupe);
        within_the_budget(name, &server, &verify).await;
    }
}

async fn within_the_budget(name: &str, server: &Server, verify: &VerifyLayer) {
    let mut attacker = Client::connect(server.address).await;
    let before = resident_memory();
    let mut answers = attacker.stall(STREAMS, MIB / 2);
    // Two bodies fill a MiB at the least, and one at the most, for a buffer doubles.
    let stalled = BUDGET / MIB..=2 * BUDGET / MIB;
    let mut most = 0;
    for _ in *stalled.end()..STREAMS {
        let answer = tokio::time::timeout(LONG, answers.join_next()).await.expect("an answer");
        let (status, text, retry_after) = answer.unwrap().unwrap();
        assert_eq!((status, text.as_str()), (503, "Try again later"), "{name}");
        assert!(retry_after, "{name}");
        most = most.max(verify.unverified_bytes());
    }
    let grown = resident_memory().saturating_sub(before);
    println!("{name}: held {} KiB, grown by {} KiB", most >> 10, grown >> 10);
    assert!((MIB..=BUDGET).contains(&most), "{name}: {most} bytes");
    assert!(grown < STREAMS * MIB / 4, "{name}: {grown} bytes");
    assert!(verify.budget_refusals() >= (STREAMS - stalled.end()) as u64, "{name}");

    drop((answers, attacker));
    eventually("all is given back", || verify.unverified_bytes() == 0).await;
    let mut genuine = Client::connect(server.address).await;
    assert_eq!(genuine.deliver("d-1", MIB).await, (200, String::new(), false), "{name}");
    let repeat = (200, "Already processed".to_owned(), false);
    assert_eq!(genuine.deliver("d-1", MIB).await, repeat, "{name}");
}

fn resident_memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}
