use super::scene::{LONG, Scene, again};
use super::{Harness, Trial};
use crate::store::{Claim, ClaimAnswer, Completion, RecordKind, Renewal};

/// The same id in two scopes belongs to two deliveries.
pub async fn scopes_are_apart<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let mut elsewhere = scene.claim("d", "another body");
    elsewhere.scope = scene.scope(" elsewhere");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.acquires(&elsewhere, "the same id in another scope is another delivery").await?;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await?;
    store.in_flight(&again(&elsewhere), LONG, "a completion stays in its scope").await?;
    store.release(&elsewhere).await?;
    let promise = "a release stays in its scope";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    Ok(())
}

/// An event's id may be the same text as a delivery's. The two have separate records.
pub async fn events_are_apart_from_deliveries<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let delivery = scene.claim("d", "body");
    let event = Claim { kind: RecordKind::Event, ..scene.claim("d", "another body") };
    store.acquires(&delivery, "a delivery without a record can be claimed").await?;
    store.acquires(&event, "a delivery's record is not an event's").await?;
    store.completes(&event, Completion::Recorded, "the owner's completion is recorded").await?;
    let promise = "the completion of an event is not one of a delivery";
    store.in_flight(&again(&delivery), LONG, promise).await?;
    store.renews(&delivery, Renewal::Renewed, promise).await?;
    store.release(&delivery).await?;
    let promise = "a release of a delivery is not one of an event";
    store.answers(&again(&event), ClaimAnswer::Completed, promise).await?;
    // Keys that join the kind and the id, or the scope and the kind, must not be ambiguous.
    let kinds = [
        RecordKind::Delivery,
        RecordKind::Event,
        #[cfg(feature = "queue")]
        RecordKind::Queued,
    ];
    let ids = kinds.map(RecordKind::as_str).into_iter().chain(["e", "de", "ed", "q", "dq"]);
    for (id, kind) in ids.flat_map(|id| kinds.map(|kind| (id, kind))) {
        let claim = Claim { kind, ..scene.claim(id, "the same body everywhere") };
        store.acquires(&claim, "kinds are apart, whatever the id").await?;
    }
    Ok(())
}

/// The same signed bytes in two scopes are two deliveries.
pub async fn replay_records_stay_in_their_scope<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    let mut elsewhere = scene.signed("other", "body", &[1]);
    elsewhere.scope = scene.scope(" elsewhere");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.acquires(&elsewhere, "a replay record stays in its scope").await?;
    Ok(())
}

/// Ids and scopes are compared byte by byte: with separators, quotes, wildcards, spaces at their
/// ends, in either case, and of any length allowed.
pub async fn unusual_names_are_kept_apart<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let claims = unusual(&scene);
    let promise = "names are compared byte by byte, however unusual they are";
    for claim in &claims {
        store.acquires(claim, promise).await?;
    }
    for claim in &claims {
        store.in_flight(&again(claim), LONG, promise).await?;
    }
    let (released, kept) = claims.split_at(claims.len() / 2);
    for claim in released {
        store.release(claim).await?;
    }
    for claim in kept {
        store.in_flight(&again(claim), LONG, "a release is for one name").await?;
    }
    for claim in released {
        store.acquires(&again(claim), "a release is for one name").await?;
    }
    Ok(())
}

/// The id that a replay leads to is the id exactly as it was claimed.
pub async fn unusual_ids_come_back_unchanged<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    for (key, id) in (0..).zip(ids()) {
        let first = scene.signed(&id, "body", &[key]);
        store.acquires(&first, "a delivery without a record can be claimed").await?;
        let replay = scene.signed("another id", "body", &[key]);
        let due = ClaimAnswer::ReplayOf(first.id.clone());
        store.answers(&replay, due, "a replay record has the id exactly as it was claimed").await?;
    }
    Ok(())
}

fn unusual<H: Harness>(scene: &Scene<'_, H>) -> Vec<Claim> {
    let scopes = ["", ":", ":d", " ", "*", "é", "'\"\\", "%s", &"x".repeat(128 - SCOPE_BYTES)];
    let claim = |scope: &str, id: &str| Claim {
        scope: scene.scope(scope),
        ..scene.claim(id, "the same body everywhere")
    };
    scopes.iter().flat_map(|scope| ids().map(|id| claim(scope, &id))).collect()
}

/// The length of a scene's own scope.
const SCOPE_BYTES: usize = "conformance-".len() + 32;

fn ids() -> [String; 20] {
    let plain = [
        "d", "D", "d ", " d", "d:", ":d", "d:d", ":", "::", "*", "?", "d*", "'", "\"", "\\", "{d}",
        "%64", "d\\0",
    ];
    let (long, longer) = ("x".repeat(127), "x".repeat(128));
    std::array::from_fn(|at| match at {
        18 => long.clone(),
        19 => longer.clone(),
        _ => plain[at].to_owned(),
    })
}
