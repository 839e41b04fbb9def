use std::time::Duration;

use super::scene::{LONG, SECOND, Scene, again};
use super::{Harness, Trial};
use crate::store::{Completion, Renewal, Store};

/// While one token holds a delivery, another token's claim returns how long the lease is.
pub async fn a_delivery_in_flight_is_held_for_its_owner<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    let mut second = again(&first);
    second.lease = 10 * LONG;
    store.in_flight(&second, LONG, "a delivery has one owner").await?;
    store.in_flight(&second, LONG, "a refused claim changes nothing").await?;
    store.acquires(&scene.claim("other", "body"), "another id is another delivery").await?;
    Ok(())
}

/// A claim whose answer was lost can be sent again: it is acquired, and its lease starts anew.
pub async fn a_claim_can_be_repeated_with_its_token<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.lease = 2 * SECOND;
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    scene.pass(Duration::from_millis(1200)).await;
    store.acquires(&first, "a claim can be repeated with its token").await?;
    scene.pass(Duration::from_millis(1200)).await;
    let promise = "a claim that is repeated starts its lease anew";
    store.in_flight(&again(&first), first.lease, promise).await?;
    Ok(())
}

/// Once its lease has expired, a delivery can be claimed by any token.
pub async fn an_expired_lease_can_be_taken<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let (mut first, mut second) = (scene.claim("1", "body"), scene.claim("2", "body"));
    (first.lease, second.lease) = (SECOND, SECOND);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.acquires(&second, "a delivery without a record can be claimed").await?;
    scene.outlast(SECOND).await;
    store.acquires(&again(&first), "an expired lease can be taken").await?;
    store.acquires(&second, "a token whose lease has expired may claim again").await?;
    Ok(())
}

/// An owner whose lease has expired and was taken cannot change the new owner's record.
pub async fn a_former_owner_changes_nothing<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.lease = SECOND;
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    scene.outlast(SECOND).await;
    let mut second = again(&first);
    second.lease = LONG;
    store.acquires(&second, "an expired lease can be taken").await?;

    store.in_flight(&first, LONG, "a former owner does not get its claim back").await?;
    store.renews(&first, Renewal::Lost, "a former owner cannot renew").await?;
    let held = Completion::HeldByAnother;
    store.completes(&first, held, "a former owner cannot complete over the new one").await?;
    store.release(&first).await?;
    store.in_flight(&again(&first), LONG, "a former owner cannot release the new one's").await?;
    store.completes(&second, Completion::Recorded, "the owner's completion is recorded").await?;
    Ok(())
}

/// A renewal lets the claim's lease start now, however much of the old one was left.
pub async fn a_renewal_starts_the_lease_anew<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let (mut longer, mut shorter) = (scene.claim("1", "body"), scene.claim("2", "body"));
    longer.lease = 2 * SECOND;
    store.acquires(&longer, "a delivery without a record can be claimed").await?;
    store.acquires(&shorter, "a delivery without a record can be claimed").await?;
    scene.pass(Duration::from_millis(1200)).await;
    store.renews(&longer, Renewal::Renewed, "the owner can renew").await?;
    shorter.lease = SECOND;
    store.renews(&shorter, Renewal::Renewed, "the owner can renew").await?;
    scene.pass(Duration::from_millis(1200)).await;
    let promise = "a renewal starts the lease anew";
    store.in_flight(&again(&longer), longer.lease, promise).await?;
    store.acquires(&again(&shorter), "a renewed lease expires as well").await?;
    Ok(())
}

/// A token that does not hold the record cannot renew its lease.
pub async fn only_the_owner_renews<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.lease = SECOND;
    store.renews(&first, Renewal::Lost, "there is nothing to renew before a claim").await?;
    store.acquires(&first, "a renewal without a record makes none").await?;
    let mut stranger = again(&first);
    stranger.lease = LONG;
    store.renews(&stranger, Renewal::Lost, "only the owner can renew").await?;
    scene.outlast(SECOND).await;
    store.acquires(&again(&first), "only the owner's renewal extends a lease").await?;
    Ok(())
}

/// An expired lease may have been taken and released in between, so a renewal is lost.
pub async fn an_expired_lease_cannot_be_renewed<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.lease = SECOND;
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    scene.outlast(SECOND).await;
    store.renews(&first, Renewal::Lost, "an expired lease cannot be renewed").await?;
    store.acquires(&again(&first), "a renewal that was lost does not hold the record").await?;
    Ok(())
}

/// A lease of 2.9 s is neither one of 2 s nor one of 3 s.
pub async fn a_lease_is_not_rounded_down_to_whole_seconds<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.lease = Duration::from_millis(2900);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    scene.pass(Duration::from_millis(2100)).await;
    let left = Duration::from_millis(800);
    store.in_flight(&again(&first), left, "a lease is kept to the millisecond").await?;
    Ok(())
}

/// A lease of 1.2 s is not one of 2 s.
pub async fn a_lease_is_not_rounded_up_to_whole_seconds<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.lease = Duration::from_millis(1200);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    scene.outlast(first.lease).await;
    store.acquires(&again(&first), "a lease is kept to the millisecond").await?;
    Ok(())
}

/// A released delivery can be claimed again by any token.
pub async fn a_released_delivery_can_be_claimed_again<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let (first, second) = (scene.claim("1", "body"), scene.claim("2", "body"));
    store.release(&first).await?;
    store.acquires(&first, "a release without a record changes nothing").await?;
    store.release(&first).await?;
    store.acquires(&again(&first), "a released delivery can be claimed").await?;

    store.acquires(&second, "a delivery without a record can be claimed").await?;
    store.release(&second).await?;
    store.acquires(&second, "a token that released may claim again").await?;
    store
        .in_flight(&again(&second), LONG, "a delivery that is claimed again is held again")
        .await?;
    Ok(())
}

/// A release by a token that does not hold the record removes nothing.
pub async fn only_the_owner_releases<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.release(&again(&first)).await?;
    store.in_flight(&again(&first), LONG, "only the owner can release").await?;
    store.renews(&first, Renewal::Renewed, "only the owner can release").await?;
    Ok(())
}

/// An operation takes effect when its future is polled. A future that was never polled has
/// changed nothing.
pub async fn a_future_that_is_never_polled_changes_nothing<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    drop(store.unpolled().claim(&scene.signed("unpolled", "body", &[1])));
    let mut first = scene.signed("d", "body", &[1]);
    first.lease = 2 * SECOND;
    store.acquires(&first, "a claim that is never polled records no replay key").await?;
    let other = scene.claim("unpolled", "body");
    store.acquires(&other, "a claim that is never polled holds nothing").await?;
    drop(store.unpolled().release(&first));
    let promise = "a release that is never polled releases nothing";
    store.in_flight(&again(&first), first.lease, promise).await?;
    drop(store.unpolled().complete(&first));
    let promise = "a completion that is never polled records nothing";
    store.in_flight(&again(&first), first.lease, promise).await?;
    scene.pass(Duration::from_millis(1200)).await;
    drop(store.unpolled().renew(&first));
    scene.pass(Duration::from_millis(1200)).await;
    store.acquires(&again(&first), "a renewal that is never polled extends nothing").await?;
    Ok(())
}
