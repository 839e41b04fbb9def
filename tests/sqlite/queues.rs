//! A worker whose effects are in the store's file.

use nevent_webhooks::queue::{Envelope, Handled, Once};
use nevent_webhooks::testing::SignedDelivery;
use nevent_webhooks::{ClaimHandle, DedupeOptions, Rejection, Store};
use rusqlite::TransactionBehavior::Immediate;

use crate::support::Directory;
use crate::support::acceptance::receiver::secret;
use crate::support::acceptance::{EVENT, SECRET};
use crate::support::effects::{Effects, blocking, sell};

fn entry() -> Envelope {
    let secret = secret(SECRET);
    Envelope::of(&SignedDelivery::new(&secret, "d-1", EVENT).verified(&secret).expect("genuine"))
}

async fn sold(effects: Effects, envelope: Envelope, claim: ClaimHandle) -> Result<(), Rejection> {
    let work = move || {
        let mut connection = effects.connection();
        let transaction = connection.transaction_with_behavior(Immediate).expect("a file");
        sell(&transaction, envelope.id().as_str());
        Ok(claim.commit_blocking(transaction)?)
    };
    blocking(work).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q12_a_workers_effect_and_its_record_commit_together() {
    let directory = Directory::new();
    let (store, effects) = (directory.store().await, Effects::new(&directory));
    let consumer = || {
        let options = DedupeOptions::new().share_scope();
        Once::with_options("tickets", store.clone(), options).expect("a scope")
    };
    let (one, other, entry) = (consumer(), consumer(), entry());
    let handle = |once: Once| {
        let (effects, entry) = (effects.clone(), entry.clone());
        async move { once.event(&entry, move |envelope, claim| sold(effects, envelope, claim)).await }
    };
    let (first, second) = tokio::join!(handle(one.clone()), handle(other));
    assert!(first == Handled::Done(()) || second == Handled::Done(()), "{first:?}, {second:?}");
    assert_eq!(handle(one).await, Handled::AlreadyDone);
    assert_eq!(effects.of("evt_01234567890"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q12_a_worker_that_lost_its_claim_changes_nothing() {
    let directory = Directory::new();
    let (store, effects) = (directory.store().await, Effects::new(&directory));
    let once = Once::new("tickets", store.clone()).expect("a scope");
    let own = effects.clone();
    let late = move |envelope, claim: ClaimHandle| async move {
        store.release(claim.claim()).await.expect("a file");
        sold(own, envelope, claim).await
    };
    let handled = once.event(&entry(), late).await;
    assert!(
        matches!(handled, Handled::Failed(Rejection::DeliveryInProgress { .. })),
        "{handled:?}"
    );
    assert_eq!(effects.of("evt_01234567890"), 0);
}
