use std::sync::Arc;

use super::detached;
use super::panic::catch_panic;
use super::run::{Run, Settlement};
use super::settle::settle;
use super::{Attached, Dedupe, Incident};
use crate::deadline::deadline;
use crate::{Delivery, Rejection};

/// Runs the handler for a delivery unless it was, or is being, handled.
///
/// `handler` is given the delivery under the id it was first seen with;
/// `succeeded` says of its output whether the delivery is done.
#[cfg(feature = "tower")]
pub(crate) fn handle_once<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery) -> F + Send + 'static,
    succeeded: fn(&T) -> bool,
) -> Attached<detached::Work<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    attach(dedupe, delivery, detached::detach, |run, delivery| {
        Box::pin(claim_handle_settle(run, delivery, handler, succeeded))
    })
}

/// The same on this thread alone.
#[cfg(feature = "actix")]
pub(crate) fn handle_once_locally<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery) -> F + 'static,
    succeeded: fn(&T) -> bool,
) -> Attached<detached::LocalWork<T>>
where
    T: 'static,
    F: Future<Output = T> + 'static,
{
    attach(dedupe, delivery, detached::detach_locally, |run, delivery| {
        Box::pin(claim_handle_settle(run, delivery, handler, succeeded))
    })
}

fn attach<W>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    detach: fn(Arc<Run>, W),
    work: impl FnOnce(Arc<Run>, Delivery) -> W,
) -> Attached<W> {
    let Some(slot) = dedupe.slots.take() else {
        dedupe.incidents.count(Incident::TooManyInFlight, delivery.id());
        let limit = dedupe.options.max_in_flight;
        return Attached::refused(Rejection::TooManyInFlight { limit });
    };
    let answer_by = deadline(delivery.received(), dedupe.options.answer_deadline);
    let run = Arc::new(Run::new(Arc::clone(dedupe), slot, delivery.id().clone()));
    let work = work(Arc::clone(&run), delivery);
    Attached::new(run, work, detach, answer_by)
}

async fn claim_handle_settle<T, F: Future<Output = T>>(
    run: Arc<Run>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery) -> F,
    succeeded: fn(&T) -> bool,
) -> Result<T, Rejection> {
    let work = async {
        let delivery = run.claim(delivery).await?;
        let output = catch_panic(async { handler(delivery).await }).await;
        let done = output.as_ref().is_some_and(succeeded);
        settle(&run, if done { Settlement::Complete } else { Settlement::Release }).await;
        output.ok_or_else(|| {
            run.count(Incident::HandlerPanicked);
            Rejection::HandlerPanicked
        })
    };
    // What panics outside of the handler is a store: its lease lapses.
    catch_panic(work).await.unwrap_or(Err(Rejection::HandlerPanicked))
}
