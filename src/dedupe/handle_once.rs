use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::{Attempt, Finalization};
use super::background;
use super::finalize::finalize;
use super::permits::{Permit, SharedPermit};
use super::released::ReleasedOnPanic;
use super::{Claimed, Dedupe, EventName, InRequest, Subject, Times};
use crate::delivery::{AnyDelivery, ClaimHandle};
use crate::observe::{Outcome, Timer};
use crate::panic::catch_panic;
use crate::store::{Claim, RecordKind};
use crate::text::excerpt;
use crate::{DeliveryId, Rejection};

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
/// The handler gets the delivery as it was claimed, and the layer's state for it. A handler that
/// waits for something first calls [`Claimed::may_start`] after that.
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
    let times = dedupe.times(&delivery);
    begin(
        dedupe,
        dedupe.permits.take(),
        Subject::delivery(&delivery),
        (times.respond_by(&delivery), times),
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
    let times = dedupe.times(&delivery);
    begin(
        dedupe,
        dedupe.permits.take(),
        Subject::delivery(&delivery),
        (times.respond_by(&delivery), times),
        background::spawn_locally,
        |attempt| Box::pin(handle_delivery(attempt, delivery, handler, end_of)),
    )
}

/// Runs the handler for one event of a batch, under its own claim. The event shares the delivery's
/// permit, which is given back when the delivery and all its events have ended.
pub(crate) fn handle_event_once<F>(
    dedupe: &Arc<Dedupe>,
    of_delivery: Option<Arc<SharedPermit>>,
    delivery: &impl AnyDelivery,
    (event, claim_id): (EventName, &DeliveryId),
    respond_by: Instant,
    handler: impl FnOnce(ClaimHandle) -> F + Send + 'static,
) -> InRequest<background::Work<Result<(), String>>>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let permit = of_delivery.map(Permit::of_event).or_else(|| dedupe.permits.take());
    let times = dedupe.times(delivery);
    let claim = dedupe.claim_for_event(delivery, &times, claim_id);
    let subject = Subject::event(delivery, event);
    begin(dedupe, permit, subject, (respond_by, times), background::spawn, |attempt| {
        let start = |_: &_, (), claim| async { Ok(handler(claim).await) };
        let span = attempt.span.clone();
        let work = claim_handle_finalize(attempt, (), |_, ()| Ok(claim), start, end_of_event);
        Box::pin(span.wrap(work))
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
    permit: Option<Permit>,
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
    let span = subject.span(&dedupe.scope);
    let attempt = Arc::new(Attempt::new(Arc::clone(dedupe), permit, (subject, span), times));
    let work = work(Arc::clone(&attempt));
    InRequest::new(attempt, work, to_background, respond_by)
}

/// The work for a delivery, which the handler gets under the id that was claimed.
fn handle_delivery<D: AnyDelivery, T, F: Future<Output = Result<T, Rejection>>, H>(
    attempt: Arc<Attempt>,
    delivery: D,
    handler: H,
    end_of: EndOf<T>,
) -> impl Future<Output = Result<T, Rejection>>
where
    H: FnOnce(D, Claimed) -> F,
{
    let claim_of = |attempt: &Attempt, delivery: &D| {
        #[cfg(feature = "schemes")]
        attempt.dedupe.check_creation(delivery, &attempt.times)?;
        Ok(attempt.dedupe.claim_for(delivery, &attempt.times))
    };
    let start = |attempt: &Arc<Attempt>, delivery: D, claim: ClaimHandle| {
        let by_event_id = claim.claim().kind == RecordKind::Event;
        let delivery = delivery.accepted();
        let id = if by_event_id { delivery.id() } else { claim.id() }.clone();
        handler(D::of(delivery.claimed(id, claim)), Claimed::new(attempt, by_event_id))
    };
    claim_handle_finalize(attempt, delivery, claim_of, start, end_of)
}

/// Claims, runs the handler, and records how the handler ended. This is not an `async fn`, because
/// that would hold its arguments twice.
pub(super) fn claim_handle_finalize<I, T, F: Future<Output = Result<T, Rejection>>>(
    attempt: Arc<Attempt>,
    item: I,
    claim_of: impl FnOnce(&Attempt, &I) -> Result<Claim, Rejection>,
    start: impl FnOnce(&Arc<Attempt>, I, ClaimHandle) -> F,
    end_of: EndOf<T>,
) -> impl Future<Output = Result<T, Rejection>> {
    ReleasedOnPanic::new(Arc::clone(&attempt), async move {
        let claim = attempt.dedupe.handle(claim_of(&attempt, &item)?);
        let claim = attempt.claim(claim).await?;
        let began = attempt.dedupe.start_timer();
        let output = match attempt.may_start() {
            Ok(()) => catch_panic(start(&attempt, item, claim)).await,
            Err(rejection) => Some(Err(rejection)),
        };
        if !finalize(&attempt, attempt.ended(output.as_ref(), began, end_of)).await {
            return Err(Rejection::NotCommitted);
        }
        output.unwrap_or(Err(Rejection::HandlerPanicked))
    })
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

/// The size of the boxed work for the handler that this function makes.
#[cfg(all(test, feature = "axum"))]
pub(crate) fn size_of_work<A, D, T, F, H>(_handler: impl FnOnce(A) -> H) -> usize
where
    D: AnyDelivery,
    F: Future<Output = Result<T, Rejection>>,
    H: FnOnce(D, Claimed) -> F,
{
    fn size_of_result<A, R>(_function: impl FnOnce(A) -> R) -> usize {
        size_of::<R>()
    }
    size_of_result(|(attempt, delivery, handler, end_of): (_, D, H, _)| {
        handle_delivery(attempt, delivery, handler, end_of)
    })
}
