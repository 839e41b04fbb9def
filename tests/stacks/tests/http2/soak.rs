//! The soak of `tests/soak` over HTTP/2: a steady flow of genuine deliveries, beside
//! connections that stall hundreds of streams each and a flood of forged bodies, which
//! together want several times the budget. Memory stays within it; what is genuine is
//! handled in the end, and once.
//!
//! ```sh
//! cargo test --release --test http2 -- --ignored --nocapture # SOAK_SECONDS=30
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::client::Client;
use crate::servers::{self, Handled, Serve};
use crate::{MIB, layers, resident_memory};
use nevent_webhooks::VerifyOptions;

const BUDGET: usize = 64 * MIB;
/// The memory that servers, clients in this process and the allocator take besides.
const BESIDE: usize = 128 * MIB;
const STALLING_CONNECTIONS: usize = 4;
const STREAMS: usize = 200;
const FORGERS: usize = 4;

type Over = Arc<AtomicBool>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a minute and a half, and a release build"]
async fn soak() {
    for (name, serve) in servers::ALL {
        soak_on(name, serve).await;
    }
}

async fn soak_on(name: &str, serve: Serve) {
    let (verify, dedupe) = layers(VerifyOptions::new().unverified_budget(BUDGET));
    let (handled, over) = (Handled::default(), Over::default());
    let server = serve(verify.clone(), dedupe, Arc::clone(&handled));
    let (before, address) = (resident_memory(), server.address);
    let stalled: JoinSet<_> =
        (0..STALLING_CONNECTIONS).map(|_| stall(address, Arc::clone(&over))).collect();
    let forged: JoinSet<_> = (0..FORGERS).map(|_| forge(address, Arc::clone(&over))).collect();
    let genuine = tokio::spawn(deliver(address, Arc::clone(&over)));

    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let (mut peak, mut held) = (before, 0);
    for _ in 0..seconds.unwrap_or(30_u64).max(10) * 100 {
        sleep(Duration::from_millis(10)).await;
        peak = peak.max(resident_memory());
        held = held.max(verify.unverified_bytes());
    }
    over.store(true, SeqCst);
    let (sent, put_off) = genuine.await.unwrap();
    let stalled: usize = stalled.join_all().await.iter().sum();
    let forged: usize = forged.join_all().await.iter().sum();
    let (grown, refusals) = (peak - before, verify.budget_rejections());
    println!(
        "{name}: {} genuine, handled once each, put off {put_off} times; {forged} forged and \
         {stalled} stalled bodies, {refusals} beyond the budget; held {} MiB, grown by {} MiB",
        sent.len(),
        held / MIB,
        grown / MIB,
    );
    assert_eq!(*handled.lock().unwrap(), sent, "{name}: each was handled once, and no other");
    assert!(held <= BUDGET, "{name}: {held} bytes");
    assert!(grown <= BUDGET + BESIDE, "{name}: {grown} bytes");
    assert!(stalled > STALLING_CONNECTIONS * STREAMS && refusals > 0, "{name}: it was a flood");
    assert!(forged > FORGERS && sent.len() > 100, "{name}: the load was steady");
}

/// Keeps so many streams of a connection stalled. Says how many bodies it took.
async fn stall(address: SocketAddr, over: Over) -> usize {
    let (piece, mut bodies) = (Bytes::from(vec![b' '; MIB / 2]), 0);
    while !over.load(SeqCst) {
        let client = Client::connect(address).await;
        let mut answers = client.stall(STREAMS, MIB / 2);
        bodies += STREAMS;
        while !over.load(SeqCst) {
            let next = tokio::time::timeout(Duration::from_secs(1), answers.join_next());
            match next.await.map(|answer| answer.unwrap().unwrap()) {
                Ok(Ok((status, text, _))) => {
                    assert!(matches!(status, 408 | 503), "{status} {text}");
                }
                // hyper closes a connection after so many bodies that it did not read.
                Ok(Err(_)) => break,
                Err(_) => continue,
            }
            sleep(Duration::from_millis(5)).await;
            answers.spawn(client.stall_once(piece.clone()));
            bodies += 1;
        }
    }
    bodies
}

async fn forge(address: SocketAddr, over: Over) -> usize {
    let (mut client, mut bodies) = (Client::connect(address).await, 0);
    let body = Bytes::from(vec![b' '; MIB]);
    while !over.load(SeqCst) {
        match client.forge(body.clone()).await {
            Ok((status, text, _)) => assert!(matches!(status, 401 | 503), "{status} {text}"),
            Err(_) => client = Client::connect(address).await,
        }
        bodies += 1;
    }
    bodies
}

/// A hundred deliveries a second, each sent until it is done, and one in ten once more.
/// Says which, and how often one was put off.
async fn deliver(address: SocketAddr, over: Over) -> (BTreeMap<String, u32>, usize) {
    let client = Client::connect(address).await;
    let (mut sent, mut put_off) = (BTreeMap::new(), 0);
    let mut turn = interval(Duration::from_millis(10));
    while !over.load(SeqCst) {
        turn.tick().await;
        let id = format!("genuine-{}", sent.len());
        // Another body each time, or it would be a replay of the one before.
        let length = 200 + sent.len();
        loop {
            let (status, text, retry_after) = client.deliver(&id, length).await.expect("an answer");
            if status == 200 {
                break;
            }
            assert_eq!((status, text.as_str(), retry_after), (503, "Try again later", true));
            put_off += 1;
            sleep(Duration::from_millis(50)).await;
        }
        if sent.len() % 10 == 0 {
            let (status, text, _) = client.deliver(&id, length).await.expect("an answer");
            assert!(status == 200 && text == "Already processed" || status == 503, "{status}");
        }
        sent.insert(id, 1);
    }
    (sent, put_off)
}
