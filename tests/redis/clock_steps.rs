//! A Redis server whose clock is set back while deliveries are in flight.

use std::time::Duration;

use nevent_webhooks::Store;
use nevent_webhooks::store::{Claim, ClaimAnswer, RedisStore, Renewal};

use crate::support::{Server, claim, eventually};

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
async fn what_is_completed_stays_so_when_the_clock_is_set_back() {
    let first = with(LEASE);
    let (server, store) = set_back(&first).await;
    store.complete(&first).await.expect("a server");
    server.step_clock(-2 * DAY);
    let answer = store.claim(&with(LEASE)).await.expect("a server");
    assert_eq!(answer, ClaimAnswer::Completed);
}
