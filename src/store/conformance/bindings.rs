use std::time::Duration;

use super::Harness;
use super::scene::{LONG, SECOND, Scene, again};
use crate::store::{Claim, ClaimAnswer, Completion};

fn bound_to(claim: &Claim) -> ClaimAnswer {
    ClaimAnswer::ReplayOf(claim.id.clone())
}

/// Bytes that come again under another id are known, while their delivery is in
/// flight and once it is completed.
pub async fn signed_bytes_are_bound_to_their_first_id<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    let replay = scene.signed("other", "body", &[1]);
    let promise = "signed bytes are bound to the id they were first seen under";
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.answers(&replay, bound_to(&first), promise).await;
    store.in_flight(&again(&first), LONG, "bound to its own id, a delivery is in flight").await;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await;
    store.answers(&replay, bound_to(&first), promise).await;
    let promise = "bound to its own id, a delivery is completed";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
}

/// A delivery that failed is retried under its own id, and only there.
pub async fn bindings_survive_release_and_lapse<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let released = scene.signed("released", "body", &[1]);
    store.acquires(&released, "what nobody has claimed can be claimed").await;
    store.release(&released).await;
    let replay = scene.signed("other", "body", &[1]);
    store.answers(&replay, bound_to(&released), "bindings survive a release").await;

    let mut lapsed = scene.signed("lapsed", "body", &[2]);
    lapsed.lease = SECOND;
    store.acquires(&lapsed, "what nobody has claimed can be claimed").await;
    scene.outlast(SECOND).await;
    let replay = scene.signed("other", "body", &[2]);
    store.answers(&replay, bound_to(&lapsed), "bindings survive a lapsed lease").await;
}

/// Neither less nor more: afterwards the signature is too old to be accepted.
pub async fn bindings_are_remembered_for_their_window<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.signed("first", "body", &[1]);
    first.replay_window = Duration::from_millis(2900);
    let replay = scene.signed("other", "body", &[1]);
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    scene.pass(Duration::from_millis(2100)).await;
    store.answers(&replay, bound_to(&first), "bindings are remembered for their window").await;
    scene.outlast(Duration::from_millis(800)).await;
    store.acquires(&replay, "bindings are forgotten after their window").await;
    store.answers(&first, bound_to(&replay), "what was forgotten can be bound anew").await;
}

/// Receivers in the middle of a rotation know one key or two.
pub async fn any_bound_key_is_enough<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    let promise = "one bound key is enough, whatever its place";
    store.answers(&scene.signed("other", "body", &[2, 1]), bound_to(&first), promise).await;
    store.answers(&scene.signed("other", "body", &[1, 2]), bound_to(&first), promise).await;
    let promise = "what is bound to another id binds no further key";
    store.acquires(&scene.signed("third", "body", &[2]), promise).await;
}

/// A repeat binds the keys that it brings, to a delivery in flight.
pub async fn a_repeat_in_flight_binds_further_keys<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    let repeat = scene.signed("first", "body", &[2, 1]);
    store.in_flight(&repeat, LONG, "a delivery has one owner").await;
    let promise = "a repeat of a delivery in flight binds the keys it brings";
    store.answers(&scene.signed("third", "body", &[2]), bound_to(&first), promise).await;

    let owners = Claim { replay_keys: scene.signed("first", "body", &[3]).replay_keys, ..first };
    store.acquires(&owners, "a claim can be repeated with its token").await;
    let promise = "an owner that claims again binds the keys it brings";
    store.answers(&scene.signed("third", "body", &[3]), bound_to(&owners), promise).await;
}

/// A repeat binds the keys that it brings, to what is completed.
pub async fn a_repeat_of_what_is_completed_binds_further_keys<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("first", "body");
    store.acquires(&first, "a claim needs no replay keys").await;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await;
    let repeat = scene.signed("first", "body", &[1, 2]);
    store.answers(&repeat, ClaimAnswer::Completed, "what is completed stays completed").await;
    let promise = "a repeat of what is completed binds the keys it brings";
    for key in [1, 2] {
        let replay = scene.signed("other", "body", &[key]);
        store.answers(&replay, bound_to(&first), promise).await;
    }
}

/// Two keys bound to two ids: a claim for either of them is for itself, and
/// neither key changes its id.
pub async fn bindings_that_disagree_lead_round_no_circle<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let one = scene.signed("one", "body", &[1]);
    let two = scene.signed("two", "body", &[2]);
    store.acquires(&one, "what nobody has claimed can be claimed").await;
    store.acquires(&two, "what nobody has claimed can be claimed").await;
    let promise = "where one key names the claim's own id, others do not lead away";
    for id in ["one", "two"] {
        store.in_flight(&scene.signed(id, "body", &[1, 2]), LONG, promise).await;
        store.in_flight(&scene.signed(id, "body", &[2, 1]), LONG, promise).await;
    }
    let promise = "a key stays bound to its first id";
    store.answers(&scene.signed("x", "body", &[1]), bound_to(&one), promise).await;
    store.answers(&scene.signed("x", "body", &[2]), bound_to(&two), promise).await;
    let both = store.claim(&scene.signed("x", "body", &[1, 2])).await;
    let either = both == bound_to(&one) || both == bound_to(&two);
    assert!(either, "signed bytes are bound to an id that one key names: {both:?}");
}

/// Bytes that are bound to one id are not judged by the record of another.
pub async fn a_binding_answers_before_a_record<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.acquires(&scene.claim("in flight", "other"), "another id is another delivery").await;
    let done = scene.claim("done", "body");
    store.completes(&done, Completion::Recorded, "it is recorded without a record").await;
    let promise = "a binding answers before the record of another id";
    for id in ["in flight", "done"] {
        store.answers(&scene.signed(id, "body", &[1]), bound_to(&first), promise).await;
    }
}

/// Else a captured delivery sent under a taken id would keep the genuine one out.
pub async fn reuse_binds_nothing<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    store.acquires(&scene.claim("held", "body"), "a claim needs no replay keys").await;
    let done = scene.claim("done", "body");
    store.completes(&done, Completion::Recorded, "it is recorded without a record").await;
    for (id, key) in [("held", 1), ("done", 2)] {
        let captured = scene.signed(id, "captured", &[key]);
        store.answers(&captured, ClaimAnswer::Conflict, "an id stands for one body").await;
        let genuine = scene.signed(&format!("genuine {key}"), "captured", &[key]);
        store.acquires(&genuine, "reuse binds nothing").await;
    }
}

/// Several secrets make several keys; each is bound.
pub async fn four_keys_are_bound_at_once<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1, 2, 3, 4]);
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    for key in [1, 2, 3, 4] {
        let replay = scene.signed("other", "body", &[key]);
        store.answers(&replay, bound_to(&first), "each replay key of a claim is bound").await;
    }
    let replay = scene.signed("other", "body", &[5, 4, 3, 2]);
    store.answers(&replay, bound_to(&first), "one bound key is enough, whatever its place").await;
    let unsigned = scene.claim("other", "body");
    store.acquires(&unsigned, "a claim without replay keys is bound to nothing").await;
}
