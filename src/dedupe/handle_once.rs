use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::{Attempt, Finalization};
use super::background;
use super::finalize::finalize;
use super::permits::Permit;
use super::{Claimed, Dedupe, EventName, InRequest, Subject, Times};
use crate::Rejection;
use crate::delivery::{AnyDelivery, ClaimHandle};
use crate::observe::{Outcome, Timer};
use crate::panic::catch_panic;
use crate::store::{Claim, RecordKind};
use crate::text::excerpt;

/// How a handler ended, according to its output.
pub(crate) enum HandlerEnd<'a> {
    Succeeded,
    Failed { status: Option<u16>, error: Option<&'a str>, rejection: Option<&'a Rejection> },
}

impl<'a> HandlerEnd<'a> {
    /// A handler succeeded if its status is 2xx. A failed response may contain a rejection.
    pub(crate) fn of_response(status: u16, rejection: Option<&'a Rejection>) -> Self {
        match status {
            200..=299 => Self::Succeeded,
            status => Self::of_error(status, rejection),
        }
    }

    /// The end of a handler that returned an error, which is a failure with any status.
    pub(crate) fn of_error(status: u16, rejection: Option<&'a Rejection>) -> Self {
        Self::Failed { status: Some(status), error: None, rejection }
    }
}

/// A function that reads from a handler's output how the handler ended.
type EndOf<T> = for<'a> fn(&'a T) -> HandlerEnd<'a>;

/// Runs the handler for a delivery, unless the delivery is completed or in flight.
///
/// The handler gets the delivery as it was claimed, and the layer's state for it. The handler calls
/// [`Claimed::may_start`] when it has nothing left to wait for.
#[cfg(feature = "tower")]
pub(crate) fn handle_once<D, T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: D,
    handler: impl FnOnce(D, Claimed) -> F + Send + 'static,
    end_of: EndOf<T>,
) -> InRequest<background::Work<T>>
where
    D: AnyDelivery,
    T: Send + 'static,
    F: Future<Output = Result<T, Rejection>> + Send + 'static,
{
    let (respond_by, times) = (dedupe.respond_by(&delivery), dedupe.times(&delivery));
    let subject = Subject::delivery(&delivery);
    begin(
        dedupe,
        dedupe.permits.take(),
        subject,
        (respond_by, times),
        background::spawn,
        |attempt| Box::pin(handle_delivery(attempt, delivery, handler, end_of)),
    )
}

/// The same as `handle_once`, with all work on the current thread.
#[cfg(feature = "actix")]
pub(crate) fn handle_once_locally<D, T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: D,
    handler: impl FnOnce(D, Claimed) -> F + 'static,
    end_of: EndOf<T>,
) -> InRequest<background::LocalWork<T>>
where
    D: AnyDelivery,
    T: 'static,
    F: Future<Output = Result<T, Rejection>> + 'static,
{
    let (respond_by, times) = (dedupe.respond_by(&delivery), dedupe.times(&delivery));
    let subject = Subject::delivery(&delivery);
    begin(
        dedupe,
        dedupe.permits.take(),
        subject,
        (respond_by, times),
        background::spawn_locally,
        |attempt| Box::pin(handle_delivery(attempt, delivery, handler, end_of)),
    )
}

/// Runs the handler for one event of a batch, under its own claim. The event shares the delivery's
/// permit, which is given back when the delivery and all its events have ended.
pub(crate) fn handle_event_once<F>(
    dedupe: &Arc<Dedupe>,
    of_delivery: Option<Arc<Permit>>,
    delivery: &impl AnyDelivery,
    event: EventName,
    respond_by: Instant,
    handler: impl FnOnce(ClaimHandle) -> F + Send + 'static,
) -> InRequest<background::Work<Result<(), String>>>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let permit = of_delivery.or_else(|| dedupe.permits.take());
    let claim = dedupe.claim_for_event(delivery, &event.id);
    let times = (respond_by, dedupe.times(delivery));
    let subject = Subject::event(delivery, event);
    begin(dedupe, permit, subject, times, background::spawn, |attempt| {
        let handler = |claim| async { Ok(handler(claim).await) };
        Box::pin(claim_handle_finalize(attempt, claim, handler, end_of_event))
    })
}

fn end_of_event(result: &Result<(), String>) -> HandlerEnd<'_> {
    match result {
        Ok(()) => HandlerEnd::Succeeded,
        Err(error) => HandlerEnd::Failed { status: None, error: Some(error), rejection: None },
    }
}

/// Starts an attempt, or rejects the delivery if there is no permit.
fn begin<W>(
    dedupe: &Arc<Dedupe>,
    permit: Option<Arc<Permit>>,
    subject: Subject,
    (respond_by, times): (Instant, Times),
    to_background: fn(Arc<Attempt>, W),
    work: impl FnOnce(Arc<Attempt>) -> W,
) -> InRequest<W> {
    let Some(permit) = permit else {
        let limit = dedupe.options.max_in_flight;
        let rejection = Rejection::TooManyInFlight { limit };
        dedupe.observe(Outcome::TooManyInFlight { limit }, &subject);
        if subject.event.is_none() {
            dedupe.observe(Outcome::Rejected { rejection: &rejection }, &subject);
        }
        return InRequest::rejected(rejection);
    };
    let attempt = Arc::new(Attempt::new(Arc::clone(dedupe), permit, subject, times));
    let work = work(Arc::clone(&attempt));
    InRequest::new(attempt, work, to_background, respond_by)
}

async fn handle_delivery<D: AnyDelivery, T, F: Future<Output = Result<T, Rejection>>>(
    attempt: Arc<Attempt>,
    delivery: D,
    handler: impl FnOnce(D, Claimed) -> F,
    end_of: EndOf<T>,
) -> Result<T, Rejection> {
    #[cfg(feature = "schemes")]
    attempt.dedupe.check_creation(&delivery)?;
    let claim = attempt.dedupe.claim_for(&delivery);
    let by_event_id = claim.kind == RecordKind::Event;
    let claimed = Claimed::new(&attempt, by_event_id);
    let handler = move |claim: ClaimHandle| {
        let delivery = delivery.accepted();
        let id = if by_event_id { delivery.id() } else { claim.id() }.clone();
        handler(D::of(delivery.claimed(id, claim)), claimed)
    };
    claim_handle_finalize(attempt, claim, handler, end_of).await
}

async fn claim_handle_finalize<T, F: Future<Output = Result<T, Rejection>>>(
    attempt: Arc<Attempt>,
    claim: Claim,
    handler: impl FnOnce(ClaimHandle) -> F,
    end_of: EndOf<T>,
) -> Result<T, Rejection> {
    let work = async {
        let claim = attempt.claim(claim).await?;
        let began = attempt.dedupe.start_timer();
        let output = catch_panic(async {
            attempt.may_start()?;
            handler(claim).await
        });
        let output = output.await;
        finalize(&attempt, attempt.ended(output.as_ref(), began, end_of)).await;
        output.unwrap_or(Err(Rejection::HandlerPanicked))
    };
    if let Some(output) = catch_panic(work).await {
        return output;
    }
    // The panic came from this crate, because panics of handlers, stores and observers are caught.
    // Release the claim, otherwise the retry would have to wait for the lease.
    finalize(&attempt, Finalization::Release).await;
    Err(Rejection::HandlerPanicked)
}

impl Attempt {
    /// Tells observers how the handler ended, and returns whether to complete or release.
    fn ended<T>(
        &self,
        output: Option<&Result<T, Rejection>>,
        began: Timer,
        end_of: EndOf<T>,
    ) -> Finalization {
        let (took, in_background) = (began.took(), self.is_in_background());
        match output.map(|result| result.as_ref().map(end_of)) {
            Some(Ok(HandlerEnd::Succeeded)) => {
                self.observe(Outcome::HandlerSucceeded { took, in_background });
                return Finalization::Complete;
            }
            Some(Ok(HandlerEnd::Failed { status, error, rejection })) => {
                let reason = rejection.map(ToString::to_string);
                let error = error.or(reason.as_deref()).map(|error| excerpt(error, 300));
                let error = error.as_deref();
                self.observe(Outcome::HandlerFailed { status, error, took, in_background });
                rejection.inspect(|rejection| self.rejected(rejection));
            }
            // The handler did not start. `InRequest` reports the rejection.
            Some(Err(_)) => {}
            None => self.observe(Outcome::HandlerPanicked { took, in_background }),
        }
        Finalization::Release
    }
}
