//! A Redis server whose clock is set back while deliveries are in flight.

use std::time::Duration;

use nevent_webhooks::Store;
use nevent_webhooks::store::{Claim, ClaimAnswer, RedisStore, Renewal};

use crate::support::acceptance::{Adapter, Post, Receiver, rows};
use crate::support::receiver_process::Plan;
use crate::support::{Ledger, ReceiverProcess, Sender, Server, claim, eventually};

rows!(t07_the_servers_clock_is_set_back);

const DAY: i64 = 86_400;
const LEASE: Duration = Duration::from_secs(3);

/// A server whose clock was set back by a day after this was claimed.
async fn set_back(first: &Claim) -> (Server, RedisStore) {
    let server = Server::with_own_clock().await;
    let store = RedisStore::connect(&server.url()).await.expect("a server");
    assert_eq!(store.claim(first).await.expect("a server"), ClaimAnswer::Acquired);
    server.step_clock(-DAY);
    let record = format!("nevent:{{tickets}}d{}", first.id.as_str());
    let left: i64 = server.command(&["PTTL", &record]).await;
    assert!(left > 86_000_000, "the step shows: {left} ms");
    (server, store)
}

fn with(lease: Duration) -> Claim {
    let mut claim = claim("one");
    claim.lease = lease;
    claim
}

async fn left(store: &RedisStore, claim: &Claim) -> Option<Duration> {
    match store.claim(claim).await.expect("a server") {
        ClaimAnswer::InFlight { lease } => Some(lease),
        answer => {
            assert_eq!(answer, ClaimAnswer::Acquired);
            None
        }
    }
}

/// The owner has crashed. Others may have shorter leases than its own, or longer.
#[tokio::test]
async fn a_lease_does_not_outlive_a_clock_that_was_set_back() {
    for lease in [LEASE / 3, LEASE, LEASE * 3] {
        let first = with(LEASE);
        let (_server, store) = set_back(&first).await;
        let retry = with(lease);
        let told = left(&store, &retry).await.expect("it is in flight");
        assert_eq!(told, LEASE, "to a claim with a lease of {lease:?}");
        eventually("it expires", async || left(&store, &retry).await.is_none()).await;
    }
}

/// The owner lives: its renewal lets the lease run on the new clock.
#[tokio::test]
async fn a_lease_is_renewed_after_the_clock_was_set_back() {
    let first = with(LEASE);
    let (_server, store) = set_back(&first).await;
    let mut longer = first.clone();
    longer.lease = LEASE * 10;
    assert_eq!(store.renew(&longer).await.expect("a server"), Renewal::Renewed);
    let told = left(&store, &with(LEASE)).await.expect("it is in flight");
    assert!(told <= LEASE * 10 && told > LEASE * 5, "{told:?}");
}

/// Completion outlasts the step, and lasts longer by it.
#[tokio::test]
async fn a_completed_delivery_stays_completed_when_the_clock_is_set_back() {
    let first = with(LEASE);
    let (server, store) = set_back(&first).await;
    store.complete(&first).await.expect("a server");
    server.step_clock(-2 * DAY);
    let answer = store.claim(&with(LEASE)).await.expect("a server");
    assert_eq!(answer, ClaimAnswer::Completed);
}

/// A repeat that comes while the handler runs is told to wait for a lease, not for a day.
async fn t07_the_servers_clock_is_set_back(adapter: Adapter) {
    let server = Server::with_own_clock().await;
    let store = async || RedisStore::connect(&server.url()).await.expect("a server");
    let (setup, gate) = Receiver::gated(adapter);
    let first = setup.store(store().await).start().await;
    let second = Receiver::on(adapter).store(store().await).start().await;
    let mut connection = first.start(&Post::new("d")).await;
    eventually("the handler runs", async || first.runs() == 1).await;
    server.step_clock(-DAY);
    let reply = second.deliver(&Post::new("d")).await;
    assert_eq!(reply.status, 409, "{reply:?}");
    let wait = reply.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
    assert!(wait.is_some_and(|seconds| seconds <= 30), "{reply:?}");
    gate.let_pass(1);
    connection.reply().await.is(200, "");
    second.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((first.runs(), second.runs()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_of_a_receiver_that_crashed_before_runs_again() {
    let server = Server::with_own_clock().await;
    let ledger = Ledger::default();
    let plan = Plan { lease: LEASE * 2, ..Plan::new(&server.url()) };
    let never = Plan { handler: Duration::from_secs(3600), ..plan.clone() };
    let mut first = ReceiverProcess::of(&never, &ledger);
    let second = ReceiverProcess::of(&plan, &ledger);
    let sender = Sender::new(&[first.address()], Duration::from_millis(20), &ledger);
    let unanswered = tokio::spawn({
        let sender = sender.clone();
        async move { sender.attempt("d").await }
    });
    eventually("its handler runs", async || ledger.times_begun("d") == 1).await;
    first.kill();
    server.step_clock(-DAY);
    assert!(!sender.attempt_at(second.address(), "d").await, "it is in flight");
    let runs = async || sender.attempt_at(second.address(), "d").await;
    eventually("the retry runs", runs).await;
    assert!(!unanswered.await.expect("no panic"));
}
