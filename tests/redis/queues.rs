//! A stream as the queue, and a worker whose effects are in Redis.

use axum::{Router, routing::post};
use nevent_webhooks::queue::{Envelope, Handled, Once, Queue, QueueError, hand_over};
use nevent_webhooks::store::{RedisEffects, RedisStore};
use nevent_webhooks::{
    ClaimHandle, Clock, DedupeLayer, Rejection, SystemClock, Verifier, VerifyLayer,
};
use tokio::net::TcpListener;

use crate::support::SECRET;
use crate::support::acceptance::receiver::secret;
use crate::support::acceptance::{Connection, Post};
use crate::support::held::{Bench, taken_by_another};

const ENTRIES: &str = "{tickets}:entries";
const SOLD: &str = "{tickets}:sold";

/// Puts an entry into a stream together with the completion of its delivery.
struct Stream(RedisStore);

impl Queue for Stream {
    async fn put(&self, envelope: &Envelope, claim: &ClaimHandle) -> Result<(), QueueError> {
        let json = envelope.to_json();
        let effects =
            RedisEffects::new().xadd(ENTRIES, [("envelope", &json)]).rpush(ENTRIES_LIST, json);
        Ok(self.0.complete_with(claim, effects).await?)
    }
}

/// The same entries, in a form that is easier to read.
const ENTRIES_LIST: &str = "{tickets}:list";

async fn entry(bench: &Bench) -> Envelope {
    let verify = VerifyLayer::new(Verifier::new(secret(SECRET)));
    let dedupe = DedupeLayer::new("tickets", bench.store.clone()).expect("a scope");
    let stream = Stream(bench.store.clone());
    let webhook = post(hand_over(stream)).route_layer((verify, dedupe));
    let app = Router::new().route("/webhooks/nevent", webhook);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    for answer in ["", "Already processed"] {
        let (head, body) = Post::new("d-1").wire(SystemClock.unix_seconds());
        let mut connection = Connection::open(address).await;
        connection.send(&[head, body].concat()).await;
        connection.reply().await.is(200, answer);
    }
    assert_eq!(bench.read(&["XLEN", ENTRIES]).await, "1");
    Envelope::from_json(bench.read(&["LINDEX", ENTRIES_LIST, "0"]).await).expect("an envelope")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q11_an_entry_and_its_record_are_written_together() {
    let bench = Bench::start().await;
    let entry = entry(&bench).await;
    assert_eq!((entry.id().as_str(), entry.is_readable()), ("evt_01234567890", true));
}

async fn sold(store: RedisStore, claim: ClaimHandle) -> Result<(), Rejection> {
    Ok(store.complete_with(&claim, RedisEffects::new().incr_by(SOLD, 1)).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q12_a_workers_effects_and_its_record_are_written_together() {
    let bench = Bench::start().await;
    let entry = entry(&bench).await;
    let once = Once::new("tickets", bench.store.clone()).expect("the receiver's scope");
    for due in [Handled::Done(()), Handled::AlreadyDone] {
        let store = bench.store.clone();
        assert_eq!(once.event(&entry, move |_, claim| sold(store, claim)).await, due);
    }
    assert_eq!(bench.read(&["GET", SOLD]).await, "1");
    let left: i64 =
        bench.server.command(&["TTL", "nevent:{tickets}qe7:tickets:evt_01234567890"]).await;
    let days = (left + 86_399) / 86_400;
    assert_eq!(days, 31, "the retention of what a worker handled: {left} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q12_a_worker_that_lost_its_claim_changes_nothing() {
    let bench = Bench::start().await;
    let entry = entry(&bench).await;
    let once = Once::new("tickets", bench.store.clone()).expect("the receiver's scope");
    let store = bench.store.clone();
    let late = move |_, claim: ClaimHandle| async move {
        taken_by_another(&store, claim.claim()).await;
        sold(store, claim).await
    };
    let handled = once.event(&entry, late).await;
    assert!(
        matches!(handled, Handled::Failed(Rejection::DeliveryInProgress { .. })),
        "{handled:?}"
    );
    assert_eq!(bench.read(&["GET", SOLD]).await, "");
}
