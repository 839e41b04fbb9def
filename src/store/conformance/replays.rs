use std::time::Duration;

use super::scene::{LONG, SECOND, Scene, again, ensure};
use super::{Harness, Trial};
use crate::store::{Claim, ClaimAnswer, Completion};

fn replay_of(claim: &Claim) -> ClaimAnswer {
    ClaimAnswer::ReplayOf(claim.id.clone())
}

/// Signed bytes that come again under another id lead to the first id, while their delivery is in
/// flight and once it is completed.
pub async fn a_replay_leads_to_the_first_id<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    let replay = scene.signed("other", "body", &[1]);
    let promise = "a replay leads to the id that the signed bytes first came with";
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.answers(&replay, replay_of(&first), promise).await?;
    store.in_flight(&again(&first), LONG, "under its own id, a delivery is in flight").await?;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await?;
    store.answers(&replay, replay_of(&first), promise).await?;
    let promise = "under its own id, a delivery is completed";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    Ok(())
}

/// After a delivery failed, a replay still leads to the id under which the sender retries it.
pub async fn replay_records_survive_release_and_expiry<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let released = scene.signed("released", "body", &[1]);
    store.acquires(&released, "a delivery without a record can be claimed").await?;
    store.release(&released).await?;
    let replay = scene.signed("other", "body", &[1]);
    store.answers(&replay, replay_of(&released), "replay records survive a release").await?;

    let mut expired = scene.signed("expired", "body", &[2]);
    expired.lease = SECOND;
    store.acquires(&expired, "a delivery without a record can be claimed").await?;
    scene.outlast(SECOND).await;
    let replay = scene.signed("other", "body", &[2]);
    store.answers(&replay, replay_of(&expired), "replay records survive an expired lease").await?;
    Ok(())
}

/// Replay records are kept until the signature is too old to be accepted, and no longer.
pub async fn replay_records_are_kept_for_the_replay_window<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.signed("first", "body", &[1]);
    first.replay_window = Duration::from_millis(2900);
    let replay = scene.signed("other", "body", &[1]);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    scene.pass(Duration::from_millis(2100)).await;
    store
        .answers(&replay, replay_of(&first), "replay records are kept for the replay window")
        .await?;
    scene.outlast(Duration::from_millis(800)).await;
    store.acquires(&replay, "replay records expire after the replay window").await?;
    store
        .answers(
            &first,
            replay_of(&replay),
            "an expired replay record is replaced by the next claim",
        )
        .await?;
    Ok(())
}

/// A delivery that is claimed again, after an attempt that failed, is recognised for as long from then
/// on. Otherwise its signed bytes would be forgotten before its record.
pub async fn a_claim_extends_its_replay_records<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.signed("first", "body", &[1]);
    first.replay_window = Duration::from_millis(2900);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.release(&first).await?;
    scene.pass(Duration::from_millis(2100)).await;
    let retry = again(&first);
    store.acquires(&retry, "a released delivery can be claimed").await?;
    store.completes(&retry, Completion::Recorded, "the owner's completion is recorded").await?;
    scene.pass(Duration::from_millis(1500)).await;
    let replay = scene.signed("other", "body", &[1]);
    let promise = "a claim that is acquired extends the replay records of its own id";
    store.answers(&replay, replay_of(&first), promise).await?;
    scene.outlast(Duration::from_millis(1400)).await;
    store.acquires(&replay, "replay records expire after the replay window").await?;
    Ok(())
}

/// One recorded key is enough: during a rotation, receivers know one secret or two.
pub async fn any_recorded_key_reveals_a_replay<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    let promise = "one recorded key is enough, whatever its place";
    store.answers(&scene.signed("other", "body", &[2, 1]), replay_of(&first), promise).await?;
    store.answers(&scene.signed("other", "body", &[1, 2]), replay_of(&first), promise).await?;
    let promise = "a replay records no further key";
    store.acquires(&scene.signed("third", "body", &[2]), promise).await?;
    Ok(())
}

/// A repeat of a delivery in flight records the keys that it brings.
pub async fn a_repeat_in_flight_records_further_keys<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    let repeat = scene.signed("first", "body", &[2, 1]);
    store.in_flight(&repeat, LONG, "a delivery has one owner").await?;
    let promise = "a repeat of a delivery in flight records the keys it brings";
    store.answers(&scene.signed("third", "body", &[2]), replay_of(&first), promise).await?;

    let owners = Claim { replay_keys: scene.signed("first", "body", &[3]).replay_keys, ..first };
    store.acquires(&owners, "a claim can be repeated with its token").await?;
    let promise = "an owner that claims again records the keys it brings";
    store.answers(&scene.signed("third", "body", &[3]), replay_of(&owners), promise).await?;
    Ok(())
}

/// A repeat of a completed delivery records the keys that it brings.
pub async fn a_repeat_of_a_completed_delivery_records_further_keys<H: Harness>(
    harness: &H,
) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("first", "body");
    store.acquires(&first, "a claim needs no replay keys").await?;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await?;
    let repeat = scene.signed("first", "body", &[1, 2]);
    store.answers(&repeat, ClaimAnswer::Completed, "a completed delivery stays completed").await?;
    let promise = "a repeat of a completed delivery records the keys it brings";
    for key in [1, 2] {
        let replay = scene.signed("other", "body", &[key]);
        store.answers(&replay, replay_of(&first), promise).await?;
    }
    Ok(())
}

/// If two keys lead to two ids, a claim for either id is not a replay, and neither key changes
/// its id.
pub async fn replay_records_that_disagree_make_no_circle<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let one = scene.signed("one", "body", &[1]);
    let two = scene.signed("two", "body", &[2]);
    store.acquires(&one, "a delivery without a record can be claimed").await?;
    store.acquires(&two, "a delivery without a record can be claimed").await?;
    let promise = "where one key names the claim's own id, others do not lead away";
    for id in ["one", "two"] {
        store.in_flight(&scene.signed(id, "body", &[1, 2]), LONG, promise).await?;
        store.in_flight(&scene.signed(id, "body", &[2, 1]), LONG, promise).await?;
    }
    let promise = "a key stays with its first id";
    store.answers(&scene.signed("x", "body", &[1]), replay_of(&one), promise).await?;
    store.answers(&scene.signed("x", "body", &[2]), replay_of(&two), promise).await?;
    let both = store.claim(&scene.signed("x", "body", &[1, 2])).await?;
    let either = both == replay_of(&one) || both == replay_of(&two);
    ensure(either, || format!("a replay leads to an id that one key names, not {both:?}"))?;
    Ok(())
}

/// A replay leads to the first id even if there is a record under the id that it came with.
pub async fn replay_records_are_checked_before_the_record<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.acquires(&scene.claim("in flight", "other"), "another id is another delivery").await?;
    let done = scene.claim("done", "body");
    store
        .completes(&done, Completion::Recorded, "a completion is recorded where there is no record")
        .await?;
    let promise = "replay records are checked before the record";
    for id in ["in flight", "done"] {
        store.answers(&scene.signed(id, "body", &[1]), replay_of(&first), promise).await?;
    }
    Ok(())
}

/// A conflict records no replay key. Otherwise a captured delivery that an attacker sends under
/// a taken id would keep the genuine one out.
pub async fn a_conflict_records_no_replay_key<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    store.acquires(&scene.claim("held", "body"), "a claim needs no replay keys").await?;
    let done = scene.claim("done", "body");
    store
        .completes(&done, Completion::Recorded, "a completion is recorded where there is no record")
        .await?;
    for (id, key) in [("held", 1), ("done", 2)] {
        let captured = scene.signed(id, "captured", &[key]);
        store.answers(&captured, ClaimAnswer::Conflict, "an id belongs to one body").await?;
        let genuine = scene.signed(&format!("genuine {key}"), "captured", &[key]);
        store.acquires(&genuine, "a conflict records no replay key").await?;
    }
    Ok(())
}

/// A claim has a replay key for each secret, and each of them is recorded.
pub async fn every_replay_key_is_recorded<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1, 2, 3, 4]);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    for key in [1, 2, 3, 4] {
        let replay = scene.signed("other", "body", &[key]);
        store.answers(&replay, replay_of(&first), "each replay key of a claim is recorded").await?;
    }
    let replay = scene.signed("other", "body", &[5, 4, 3, 2]);
    store
        .answers(&replay, replay_of(&first), "one recorded key is enough, whatever its place")
        .await?;
    let unsigned = scene.claim("other", "body");
    store.acquires(&unsigned, "a claim without replay keys is no replay").await?;
    Ok(())
}
