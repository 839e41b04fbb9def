use super::Harness;
use super::scene::{LONG, Scene, again};
use crate::store::{Claim, ClaimAnswer, Completion, Scope};

/// The same id under two scopes is two deliveries.
pub async fn scopes_are_apart<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let mut elsewhere = scene.claim("d", "another body");
    elsewhere.scope = scene.scope(" elsewhere");
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.acquires(&elsewhere, "the same id in another scope is another delivery").await;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await;
    store.in_flight(&again(&elsewhere), LONG, "a completion stays in its scope").await;
    store.release(&elsewhere).await;
    let promise = "a release stays in its scope";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
}

/// An event's id may be spelt like a delivery's. The scope of an endpoint's events has a
/// control character in its name, which no name of a user's has: it counts.
pub async fn events_are_apart_from_deliveries<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let of = |scope| Claim { scope, ..scene.claim("d", "the same id everywhere") };
    let names = ["", "events", " events", "\u{2192}events"].map(|suffix| scene.scope(suffix));
    let events = names.each_ref().map(Scope::of_events);
    for scope in names.into_iter().chain(events) {
        let promise = "the scope of an endpoint's events is a scope like any other";
        store.acquires(&of(scope), promise).await;
    }
}

/// The same signed bytes under two scopes are two deliveries.
pub async fn bindings_stay_in_their_scope<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.signed("first", "body", &[1]);
    let mut elsewhere = scene.signed("other", "body", &[1]);
    elsewhere.scope = scene.scope(" elsewhere");
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.acquires(&elsewhere, "a binding stays in its scope").await;
}

/// Ids and scopes are taken to the letter: with separators, quotes, wildcards,
/// spaces at their ends, in either case, and of any length allowed.
pub async fn unusual_names_are_kept_apart<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let claims = unusual(&scene);
    let promise = "names are taken to the letter, however unusual they are";
    for claim in &claims {
        store.acquires(claim, promise).await;
    }
    for claim in &claims {
        store.in_flight(&again(claim), LONG, promise).await;
    }
    let (released, kept) = claims.split_at(claims.len() / 2);
    for claim in released {
        store.release(claim).await;
    }
    for claim in kept {
        store.in_flight(&again(claim), LONG, "a release is for one name").await;
    }
    for claim in released {
        store.acquires(&again(claim), "a release is for one name").await;
    }
}

/// The id that a binding names is the id as it was claimed.
pub async fn unusual_ids_come_back_to_the_letter<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    for (key, id) in (0..).zip(ids()) {
        let first = scene.signed(&id, "body", &[key]);
        store.acquires(&first, "what nobody has claimed can be claimed").await;
        let replay = scene.signed("another id", "body", &[key]);
        let due = ClaimAnswer::ReplayOf(first.id.clone());
        store.answers(&replay, due, "a binding names the id to the letter").await;
    }
}

fn unusual<H: Harness>(scene: &Scene<'_, H>) -> Vec<Claim> {
    let scopes = ["", ":", ":d", " ", "*", "é", "'\"\\", "%s", &"x".repeat(128 - SCOPE_BYTES)];
    let claim = |scope: &str, id: &str| Claim {
        scope: scene.scope(scope),
        ..scene.claim(id, "the same body everywhere")
    };
    scopes.iter().flat_map(|scope| ids().map(|id| claim(scope, &id))).collect()
}

/// Of each scene's own.
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
