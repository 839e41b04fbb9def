use std::sync::Arc;

use tokio::time::Instant;

use super::detached;
use super::panic::catch_panic;
use super::run::{Run, Settlement, Start};
use super::settle::settle;
use super::slots::Slot;
use super::{Attached, Dedupe, Incident};
use crate::delivery::Held;
use crate::store::Claim;
use crate::{Delivery, DeliveryId, Rejection};

/// Runs the handler for a delivery unless it was, or is being, handled.
///
/// `handler` is given the delivery under the id it was first seen with, and asks whether
/// it may still start when it has nothing left to wait for; `succeeded` says of its output
/// whether the delivery is done.
#[cfg(feature = "tower")]
pub(crate) fn handle_once<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery, Start) -> F + Send + 'static,
    succeeded: fn(&T) -> bool,
) -> Attached<detached::Work<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Rejection>> + Send + 'static,
{
    let (id, answer_by) = (delivery.id().clone(), dedupe.answer_by(&delivery));
    attach(dedupe, dedupe.slots.take(), id, answer_by, detached::detach, |run| {
        Box::pin(claim_handle_settle_delivery(run, delivery, handler, succeeded))
    })
}

/// The same on this thread alone.
#[cfg(feature = "actix")]
pub(crate) fn handle_once_locally<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery, Start) -> F + 'static,
    succeeded: fn(&T) -> bool,
) -> Attached<detached::LocalWork<T>>
where
    T: 'static,
    F: Future<Output = Result<T, Rejection>> + 'static,
{
    let (id, answer_by) = (delivery.id().clone(), dedupe.answer_by(&delivery));
    attach(dedupe, dedupe.slots.take(), id, answer_by, detached::detach_locally, |run| {
        Box::pin(claim_handle_settle_delivery(run, delivery, handler, succeeded))
    })
}

/// The same for an event of a delivery, by a claim of its own. It takes no slot beside
/// the delivery's, which is not given back before it has ended, too.
pub(crate) fn handle_event_once<F, E>(
    Held { dedupe, slot, .. }: &Held,
    delivery: &Delivery,
    claim: Claim,
    answer_by: Instant,
    handler: impl FnOnce() -> F + Send + 'static,
) -> Attached<detached::Work<Result<(), E>>>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let slot = slot.upgrade().or_else(|| dedupe.slots.take());
    attach(dedupe, slot, delivery.id().clone(), answer_by, detached::detach, |run| {
        let handler = |_, _| async { Ok(handler().await) };
        Box::pin(claim_handle_settle(run, claim, handler, Result::is_ok))
    })
}

fn attach<W>(
    dedupe: &Arc<Dedupe>,
    slot: Option<Arc<Slot>>,
    id: DeliveryId,
    answer_by: Instant,
    detach: fn(Arc<Run>, W),
    work: impl FnOnce(Arc<Run>) -> W,
) -> Attached<W> {
    let Some(slot) = slot else {
        dedupe.incidents.count(Incident::TooManyInFlight, &id);
        let limit = dedupe.options.max_in_flight;
        return Attached::refused(Rejection::TooManyInFlight { limit });
    };
    let run = Arc::new(Run::new(Arc::clone(dedupe), slot, id));
    let work = work(Arc::clone(&run));
    Attached::new(run, work, detach, answer_by)
}

async fn claim_handle_settle_delivery<T, F: Future<Output = Result<T, Rejection>>>(
    run: Arc<Run>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery, Start) -> F,
    succeeded: fn(&T) -> bool,
) -> Result<T, Rejection> {
    let claim = run.dedupe.claim_for(&delivery);
    let held = run.held_by(&claim);
    let handler = move |id, start| handler(delivery.claimed(id, held), start);
    claim_handle_settle(run, claim, handler, succeeded).await
}

async fn claim_handle_settle<T, F: Future<Output = Result<T, Rejection>>>(
    run: Arc<Run>,
    claim: Claim,
    handler: impl FnOnce(DeliveryId, Start) -> F,
    succeeded: fn(&T) -> bool,
) -> Result<T, Rejection> {
    let start = Start(Arc::clone(&run));
    let work = async {
        let id = run.claim(claim).await?;
        let output = catch_panic(async {
            run.may_start()?;
            handler(id, start).await
        });
        let output = output.await.unwrap_or_else(|| run.panicked());
        let done = output.as_ref().is_ok_and(succeeded);
        settle(&run, if done { Settlement::Complete } else { Settlement::Release }).await;
        output
    };
    if let Some(output) = catch_panic(work).await {
        return output;
    }
    // Neither handler nor store: a subscriber to log lines, say. The delivery is not held
    // for that.
    settle(&run, Settlement::Release).await;
    run.panicked()
}

impl Run {
    fn panicked<T>(&self) -> Result<T, Rejection> {
        self.count(Incident::HandlerPanicked);
        Err(Rejection::HandlerPanicked)
    }
}
