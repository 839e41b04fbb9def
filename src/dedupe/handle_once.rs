use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::{Attempt, Finalization, Start};
use super::background;
use super::finalize::finalize;
use super::panic::catch_panic;
use super::permits::Permit;
use super::{Dedupe, InRequest, Incident};
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
) -> InRequest<background::Work<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Rejection>> + Send + 'static,
{
    let (id, answer_by) = (delivery.id().clone(), dedupe.answer_by(&delivery));
    attach(dedupe, dedupe.permits.take(), id, answer_by, background::move_to_background, |run| {
        Box::pin(claim_handle_finalize_delivery(run, delivery, handler, succeeded))
    })
}

/// The same on this thread alone.
#[cfg(feature = "actix")]
pub(crate) fn handle_once_locally<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery, Start) -> F + 'static,
    succeeded: fn(&T) -> bool,
) -> InRequest<background::LocalWork<T>>
where
    T: 'static,
    F: Future<Output = Result<T, Rejection>> + 'static,
{
    let (id, answer_by) = (delivery.id().clone(), dedupe.answer_by(&delivery));
    attach(
        dedupe,
        dedupe.permits.take(),
        id,
        answer_by,
        background::move_to_background_locally,
        |run| Box::pin(claim_handle_finalize_delivery(run, delivery, handler, succeeded)),
    )
}

/// The same for an event of a delivery, by a claim of its own. It takes no permit beside
/// the delivery's, which is not given back before it has ended, too.
pub(crate) fn handle_event_once<F, E>(
    Held { dedupe, permit, .. }: &Held,
    delivery: &Delivery,
    claim: Claim,
    answer_by: Instant,
    handler: impl FnOnce() -> F + Send + 'static,
) -> InRequest<background::Work<Result<(), E>>>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let permit = permit.upgrade().or_else(|| dedupe.permits.take());
    attach(
        dedupe,
        permit,
        delivery.id().clone(),
        answer_by,
        background::move_to_background,
        |run| {
            let handler = |_, _| async { Ok(handler().await) };
            Box::pin(claim_handle_finalize(run, claim, handler, Result::is_ok))
        },
    )
}

fn attach<W>(
    dedupe: &Arc<Dedupe>,
    permit: Option<Arc<Permit>>,
    id: DeliveryId,
    answer_by: Instant,
    move_to_background: fn(Arc<Attempt>, W),
    work: impl FnOnce(Arc<Attempt>) -> W,
) -> InRequest<W> {
    let Some(permit) = permit else {
        dedupe.incidents.count(Incident::TooManyInFlight, &id);
        let limit = dedupe.options.max_in_flight;
        return InRequest::refused(Rejection::TooManyInFlight { limit });
    };
    let run = Arc::new(Attempt::new(Arc::clone(dedupe), permit, id));
    let work = work(Arc::clone(&run));
    InRequest::new(run, work, move_to_background, answer_by)
}

async fn claim_handle_finalize_delivery<T, F: Future<Output = Result<T, Rejection>>>(
    run: Arc<Attempt>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery, Start) -> F,
    succeeded: fn(&T) -> bool,
) -> Result<T, Rejection> {
    let claim = run.dedupe.claim_for(&delivery);
    let held = run.held_by(&claim, &delivery);
    let handler = move |id, start| handler(delivery.claimed(id, held), start);
    claim_handle_finalize(run, claim, handler, succeeded).await
}

async fn claim_handle_finalize<T, F: Future<Output = Result<T, Rejection>>>(
    run: Arc<Attempt>,
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
        finalize(&run, if done { Finalization::Complete } else { Finalization::Release }).await;
        output
    };
    if let Some(output) = catch_panic(work).await {
        return output;
    }
    // Neither handler nor store: a subscriber to log lines, say. The delivery is not held
    // for that.
    finalize(&run, Finalization::Release).await;
    run.panicked()
}

impl Attempt {
    fn panicked<T>(&self) -> Result<T, Rejection> {
        self.count(Incident::HandlerPanicked);
        Err(Rejection::HandlerPanicked)
    }
}
