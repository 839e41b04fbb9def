use std::time::Duration;

use super::scene::{Handle, LONG, Scene, again, ensure};
use super::tasks::{
    Did, TASKS, after_turns, at_once, attempts, complete, count, release, renew, with_attempts,
};
use super::{Harness, NotKept, Trial};
use crate::store::{Claim, ClaimAnswer, Renewal};

const ROUNDS: usize = 60;

/// Of many attempts at one delivery, through all handles at once, one acquires it.
pub async fn one_of_many_claims_is_acquired<H: Harness>(harness: &H) -> Trial {
    let (scene, _) = Scene::set(harness).await;
    let handles = scene.handles().await?;
    for round in 0..ROUNDS {
        let delivery = scene.claim(&format!("{round}"), "body");
        let won = count(&at_once(attempts(&handles, &[delivery])).await?, Did::Acquire);
        ensure(won == 1, || format!("one of {TASKS} claims at once is acquired, not {won}"))?;
    }
    Ok(())
}

/// Of many attempts with the same signed bytes under two ids, one acquires the delivery,
/// whichever id came first.
pub async fn one_of_many_replays_is_acquired<H: Harness>(harness: &H) -> Trial {
    let (scene, _) = Scene::set(harness).await;
    let handles = scene.handles().await?;
    for round in 0..ROUNDS {
        let key = u8::try_from(round).unwrap_or(u8::MAX);
        let ids = [format!("{round} a"), format!("{round} b")];
        let both = ids.map(|id| scene.signed(&id, "body", &[key]));
        let won = count(&at_once(attempts(&handles, &both)).await?, Did::Acquire);
        ensure(won == 1, || format!("one of {TASKS} claims under two ids is acquired, not {won}"))?;
    }
    Ok(())
}

/// Of many attempts at a delivery whose lease has expired, one acquires it.
pub async fn one_of_many_takes_an_expired_lease<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await?;
    for delivery in expired(&scene, &store).await? {
        let won = count(&at_once(attempts(&handles, &[delivery])).await?, Did::Acquire);
        ensure(won == 1, || format!("one of {TASKS} claims takes an expired lease, not {won}"))?;
    }
    Ok(())
}

/// A release that is sent twice releases the delivery once, and never takes it from the next
/// owner.
pub async fn a_release_racing_with_claims_makes_one_owner<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await?;
    for round in 0..ROUNDS {
        let held = scene.claim(&format!("{round}"), "body");
        store.acquires(&held, "a delivery without a record can be claimed").await?;
        let releases = vec![release(&handles[0], &held), release(&handles[1], &held)];
        let done = at_once(with_attempts(releases, &handles, &held)).await?;
        let won = count(&done, Did::Acquire);
        ensure(won == 1, || format!("after a release one claim is acquired, not {won}"))?;
        store.in_flight(&again(&held), LONG, "a release is for its owner only").await?;
    }
    Ok(())
}

/// A renewal that races with the owner's release takes effect before it, or not at all.
pub async fn a_renewal_racing_with_a_release_brings_nothing_back<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await?;
    for round in 0..ROUNDS {
        let held = scene.claim(&format!("{round}"), "body");
        store.acquires(&held, "a delivery without a record can be claimed").await?;
        let both = vec![renew(&handles[0], &held), release(&handles[1], &held)];
        let done = at_once(with_attempts(both, &handles, &held)).await?;
        let won = count(&done, Did::Acquire);
        ensure(won == 1, || format!("after a release one claim is acquired, not {won}"))?;
        let promise = "a renewal does not bring a released record back";
        store.renews(&held, Renewal::Lost, promise).await?;
    }
    Ok(())
}

/// There is no moment between in flight and completed at which another claim is acquired.
pub async fn a_completion_racing_with_claims_lets_none_in<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await?;
    for round in 0..ROUNDS {
        let held = scene.claim(&format!("{round}"), "body");
        store.acquires(&held, "a delivery without a record can be claimed").await?;
        let completions = vec![complete(&handles[0], &held), complete(&handles[1], &held)];
        let done = at_once(with_attempts(completions, &handles, &held)).await?;
        let (recorded, won) = (count(&done, Did::Record), count(&done, Did::Acquire));
        let twice = || format!("the owner can complete twice, but was told so {recorded} times");
        ensure(recorded == 2, twice)?;
        ensure(won == 0, || "no claim is acquired while the owner completes".to_owned())?;
        let promise = "a completed delivery stays completed";
        store.answers(&again(&held), ClaimAnswer::Completed, promise).await?;
    }
    Ok(())
}

/// When a former owner's completion races with another claim, one of them is too late.
pub async fn a_late_completion_racing_with_claims_is_one_of_them<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await?;
    for (round, late) in expired(&scene, &store).await?.into_iter().enumerate() {
        let mut jobs = vec![complete(&handles[0], &late)];
        // Started together with it, or right behind it.
        let behind = attempts(&handles, &[again(&late)]).into_iter();
        jobs.extend(behind.map(|attempt| after_turns(round % 4, attempt)));
        let done = at_once(jobs).await?;
        let (recorded, won) = (count(&done, Did::Record), count(&done, Did::Acquire));
        ensure(recorded + won == 1, || {
            format!(
                "a late completion is recorded or the delivery is claimed, never both: \
                 {recorded} recorded, {won} acquired"
            )
        })?;
    }
    Ok(())
}

/// A delivery for each round, each with a lease that has expired.
async fn expired<H: Harness>(
    scene: &Scene<'_, H>,
    store: &Handle<H::Store>,
) -> Result<Vec<Claim>, NotKept> {
    let brief = Duration::from_millis(50);
    let mut deliveries = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let delivery = scene.claim(&format!("{round}"), "body");
        let taken = Claim { lease: brief, ..delivery.clone() };
        store.acquires(&taken, "a delivery without a record can be claimed").await?;
        deliveries.push(delivery);
    }
    scene.outlast(brief).await;
    Ok(deliveries)
}
