//! A table of jobs as the queue: an entry is put, and later handled, in one transaction with its record.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::{Router, routing::post};
use nevent_webhooks::queue::{Envelope, Handled, Once, Queue, QueueError, hand_over};
use nevent_webhooks::{
    ClaimHandle, Clock, DedupeLayer, Incident, Rejection, Store, SystemClock, Verifier, VerifyLayer,
};
use tokio::net::TcpListener;

use crate::support::acceptance::work::{batch, event};
use crate::support::acceptance::{Connection, Post, Reply};
use crate::support::{Effects, SECRET, Scene, secrets, sell, unavailable};

/// Jobs are the effects of the hand-over. The table has an entry's JSON.
#[derive(Clone)]
struct Jobs {
    effects: Effects,
    /// The next transaction is rolled back after its statements.
    breaks: Arc<AtomicBool>,
}

impl Queue for Jobs {
    async fn put(&self, envelope: &Envelope, claim: &ClaimHandle) -> Result<(), QueueError> {
        let mut client = self.effects.client().await.map_err(QueueError::unavailable)?;
        let transaction = client.transaction().await.map_err(QueueError::unavailable)?;
        let insert = "INSERT INTO effects VALUES ($1)";
        let json = envelope.to_json();
        transaction.execute(insert, &[&json]).await.map_err(QueueError::unavailable)?;
        if self.breaks.swap(false, Ordering::SeqCst) {
            return Err(QueueError::unavailable("connection reset"));
        }
        Ok(claim.commit(transaction).await?)
    }
}

impl Jobs {
    async fn entries(&self) -> Vec<Envelope> {
        let client = self.effects.client().await.expect("a server");
        let rows = client.query("SELECT id FROM effects", &[]).await.expect("a table");
        let read = |row: &tokio_postgres::Row| Envelope::from_json(row.get::<_, String>(0));
        rows.iter().map(|row| read(row).expect("an envelope")).collect()
    }
}

/// A receiver that hands over to the table of jobs.
async fn receiver(scene: &Scene) -> (SocketAddr, Jobs) {
    let jobs = Jobs { effects: scene.effects.clone(), breaks: Arc::default() };
    let secret = secrets::secret(SECRET);
    let verify = VerifyLayer::new(Verifier::new(secret));
    let dedupe = DedupeLayer::new("tickets", scene.store.clone()).expect("a scope");
    let webhook = post(hand_over(jobs.clone())).route_layer((verify, dedupe));
    let app = Router::new().route("/webhooks/nevent", webhook);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, jobs)
}

async fn deliver(address: SocketAddr, post: &Post) -> Reply {
    let (head, body) = post.wire(SystemClock.unix_seconds());
    let mut connection = Connection::open(address).await;
    connection.send(&[head, body].concat()).await;
    connection.reply().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q11_an_entry_and_its_record_commit_together() {
    let scene = Scene::new().await;
    let (address, jobs) = receiver(&scene).await;
    let one = Post::new("d-1").body(event("evt_1"));
    jobs.breaks.store(true, Ordering::SeqCst);
    deliver(address, &one).await.is(503, "Try again later");
    assert!(jobs.entries().await.is_empty());
    deliver(address, &one).await.is(200, "");
    deliver(address, &one).await.is(200, "Already processed");
    let many = Post::new("d-2").body(batch(["evt_2", "evt_3"]));
    jobs.breaks.store(true, Ordering::SeqCst);
    deliver(address, &many).await.is(500, "Batch incomplete");
    deliver(address, &many).await.is(200, "");
    let mut ids: Vec<_> = jobs.entries().await.iter().map(|entry| entry.id().to_string()).collect();
    ids.sort();
    assert_eq!(ids, ["evt_1", "evt_2", "evt_3"]);
}

async fn sold(effects: Effects, envelope: Envelope, claim: ClaimHandle) -> Result<(), Rejection> {
    let mut client = effects.client().await?;
    let transaction = client.transaction().await.map_err(unavailable)?;
    sell(&transaction, envelope.id().as_str()).await?;
    claim.commit(transaction).await?;
    Ok(())
}

async fn entry(scene: &Scene, id: &str) -> (Envelope, Once) {
    let (address, jobs) = receiver(scene).await;
    deliver(address, &Post::new("d-1").body(event(id))).await.is(200, "");
    let entry = jobs.entries().await.pop().expect("an entry");
    (entry, Once::new("tickets", scene.store.clone()).expect("the receiver's scope"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q12_a_workers_effect_and_its_record_commit_together() {
    let scene = Scene::new().await;
    let (entry, once) = entry(&scene, "evt_1").await;
    let effects = scene.effects.clone();
    // Whatever the handler returns after the commit, the entry is done.
    let failing = move |envelope, claim| async move {
        sold(effects, envelope, claim).await?;
        Err::<(), _>(Rejection::HandlerPanicked)
    };
    assert_eq!(once.event(&entry, failing).await, Handled::Failed(Rejection::HandlerPanicked));
    let effects = scene.effects.clone();
    let again = once.event(&entry, move |envelope, claim| sold(effects, envelope, claim)).await;
    assert_eq!(again, Handled::AlreadyDone);
    assert_eq!(scene.effects.of("evt_1").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q12_a_workers_transaction_is_believed_with_proof_alone() {
    let scene = Scene::new().await;
    let (entry, once) = entry(&scene, "evt_1").await;
    for commits in [false, true] {
        let effects = scene.effects.clone();
        let staged = move |envelope: Envelope, claim: ClaimHandle| async move {
            let mut client = effects.client().await?;
            let mut transaction = client.transaction().await.map_err(unavailable)?;
            sell(&transaction, envelope.id().as_str()).await?;
            claim.complete_in(&mut transaction).await?;
            if commits {
                transaction.commit().await.map_err(unavailable)?;
            }
            Ok::<_, Rejection>(())
        };
        let handled = once.event(&entry, staged).await;
        assert_eq!(handled, if commits { Handled::Done(()) } else { Handled::NotCommitted });
        assert_eq!(scene.effects.of("evt_1").await, i64::from(commits));
    }
    assert_eq!(once.incidents(Incident::NotCommitted), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q12_a_worker_that_lost_its_claim_changes_nothing() {
    let scene = Scene::new().await;
    let (entry, once) = entry(&scene, "evt_1").await;
    let (effects, store) = (scene.effects.clone(), scene.store.clone());
    let late = move |envelope, claim: ClaimHandle| async move {
        store.release(claim.claim()).await.expect("a server");
        sold(effects, envelope, claim).await
    };
    let handled = once.event(&entry, late).await;
    assert!(
        matches!(handled, Handled::Failed(Rejection::DeliveryInProgress { .. })),
        "{handled:?}"
    );
    assert_eq!(scene.effects.of("evt_1").await, 0);
}
