use std::sync::Arc;

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
pub(crate) fn handle_once<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery) -> F + Send + 'static,
    succeeded: fn(&T) -> bool,
) -> Attached<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let Some(slot) = dedupe.slots.take() else {
        dedupe.incidents.count(Incident::TooManyInFlight, delivery.id());
        let limit = dedupe.options.max_in_flight;
        return Attached::refused(Rejection::TooManyInFlight { limit });
    };
    let answer_by = deadline(delivery.received(), dedupe.options.answer_deadline);
    let run = Arc::new(Run::new(Arc::clone(dedupe), slot, delivery.id().clone()));

    let work = claim_handle_settle(Arc::clone(&run), delivery, handler, succeeded);
    // What panics outside of the handler is a store: its lease lapses.
    let work = async { catch_panic(work).await.unwrap_or(Err(Rejection::HandlerPanicked)) };
    Attached::new(run, Box::pin(work), answer_by)
}

async fn claim_handle_settle<T, F: Future<Output = T>>(
    run: Arc<Run>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery) -> F,
    succeeded: fn(&T) -> bool,
) -> Result<T, Rejection> {
    let delivery = run.claim(delivery).await?;
    let output = catch_panic(async { handler(delivery).await }).await;
    let done = output.as_ref().is_some_and(succeeded);
    settle(&run, if done { Settlement::Complete } else { Settlement::Release }).await;
    output.ok_or_else(|| {
        run.count(Incident::HandlerPanicked);
        Rejection::HandlerPanicked
    })
}
