use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::{Attempt, EventName, Finalization};
use super::background;
use super::finalize::finalize;
use super::permits::Permit;
use super::{Claimed, Dedupe, InRequest};
use crate::delivery::ClaimHandle;
use crate::observe::Outcome;
use crate::panic::catch_panic;
use crate::store::{Claim, RecordKind};
use crate::text::excerpt;
use crate::{Delivery, Rejection};

/// How a handler ended, as its output tells.
pub(crate) enum HandlerEnd<'a> {
    Succeeded,
    Failed { status: Option<u16>, error: Option<Cow<'a, str>> },
}

impl HandlerEnd<'_> {
    /// The handler did the delivery if it answered 2xx. A response may hold a rejection.
    pub(crate) fn of_response(status: u16, rejection: Option<&Rejection>) -> Self {
        match status {
            200..=299 => Self::Succeeded,
            status => Self::of_error(status, rejection),
        }
    }

    /// The handler failed, whatever the status.
    pub(crate) fn of_error(status: u16, rejection: Option<&Rejection>) -> Self {
        let error = rejection.map(|rejection| Cow::Owned(rejection.to_string()));
        Self::Failed { status: Some(status), error }
    }
}

/// What tells of a handler's output how the handler ended.
type EndOf<T> = for<'a> fn(&'a T) -> HandlerEnd<'a>;

/// Runs the handler for a delivery unless it was, or is being, handled.
///
/// The handler is given the delivery as it was claimed, and the engine's side of it. It asks
/// [`Claimed::may_start`] when it has nothing left to wait for.
#[cfg(feature = "tower")]
pub(crate) fn handle_once<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery, Claimed) -> F + Send + 'static,
    end_of: EndOf<T>,
) -> InRequest<background::Work<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Rejection>> + Send + 'static,
{
    let respond_by = dedupe.respond_by(&delivery);
    let subject = (delivery.clone(), None);
    begin(dedupe, dedupe.permits.take(), subject, respond_by, background::spawn, |attempt| {
        Box::pin(handle_delivery(attempt, delivery, handler, end_of))
    })
}

/// The same on this thread alone.
#[cfg(feature = "actix")]
pub(crate) fn handle_once_locally<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery, Claimed) -> F + 'static,
    end_of: EndOf<T>,
) -> InRequest<background::LocalWork<T>>
where
    T: 'static,
    F: Future<Output = Result<T, Rejection>> + 'static,
{
    let respond_by = dedupe.respond_by(&delivery);
    let subject = (delivery.clone(), None);
    begin(
        dedupe,
        dedupe.permits.take(),
        subject,
        respond_by,
        background::spawn_locally,
        |attempt| Box::pin(handle_delivery(attempt, delivery, handler, end_of)),
    )
}

/// The same for an event of a delivery, by a claim of its own. It takes no permit beside
/// the delivery's, which is not given back before the event has ended, too.
pub(crate) fn handle_event_once<F>(
    dedupe: &Arc<Dedupe>,
    of_delivery: Option<Arc<Permit>>,
    delivery: &Delivery,
    event: EventName,
    respond_by: Instant,
    handler: impl FnOnce(ClaimHandle) -> F + Send + 'static,
) -> InRequest<background::Work<Result<(), String>>>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let permit = of_delivery.or_else(|| dedupe.permits.take());
    let claim = dedupe.claim_for_event(delivery, &event.id);
    let subject = (delivery.clone(), Some(event));
    begin(dedupe, permit, subject, respond_by, background::spawn, |attempt| {
        let handler = |claim| async { Ok(handler(claim).await) };
        Box::pin(claim_handle_finalize(attempt, claim, handler, end_of_event))
    })
}

fn end_of_event(result: &Result<(), String>) -> HandlerEnd<'_> {
    match result {
        Ok(()) => HandlerEnd::Succeeded,
        Err(error) => HandlerEnd::Failed { status: None, error: Some(error.into()) },
    }
}

fn begin<W>(
    dedupe: &Arc<Dedupe>,
    permit: Option<Arc<Permit>>,
    (delivery, event): (Delivery, Option<EventName>),
    respond_by: Instant,
    to_background: fn(Arc<Attempt>, W),
    work: impl FnOnce(Arc<Attempt>) -> W,
) -> InRequest<W> {
    let Some(permit) = permit else {
        let limit = dedupe.options.max_in_flight;
        dedupe.observe(Outcome::TooManyInFlight { limit }, &delivery, event.as_ref());
        return InRequest::rejected(Rejection::TooManyInFlight { limit });
    };
    let attempt = Arc::new(Attempt::new(Arc::clone(dedupe), permit, delivery, event));
    let work = work(Arc::clone(&attempt));
    InRequest::new(attempt, work, to_background, respond_by)
}

async fn handle_delivery<T, F: Future<Output = Result<T, Rejection>>>(
    attempt: Arc<Attempt>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery, Claimed) -> F,
    end_of: EndOf<T>,
) -> Result<T, Rejection> {
    let claim = attempt.dedupe.claim_for(&delivery);
    let by_event_id = claim.kind == RecordKind::Event;
    let claimed = Claimed::new(&attempt, by_event_id);
    let handler = move |claim: ClaimHandle| {
        let id = if by_event_id { delivery.id() } else { claim.id() }.clone();
        handler(delivery.claimed(id, claim), claimed)
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
        let began = Instant::now();
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
    // Neither the handler nor the store nor an observer: the delivery is not held for that.
    finalize(&attempt, Finalization::Release).await;
    Err(Rejection::HandlerPanicked)
}

impl Attempt {
    /// Tells observers how the handler ended, and returns what that means for the delivery.
    fn ended<T>(
        &self,
        output: Option<&Result<T, Rejection>>,
        began: Instant,
        end_of: EndOf<T>,
    ) -> Finalization {
        let (took, in_background) = (began.elapsed(), self.is_in_background());
        match output.map(|result| result.as_ref().map(end_of)) {
            Some(Ok(HandlerEnd::Succeeded)) => {
                self.observe(Outcome::HandlerSucceeded { took, in_background });
                return Finalization::Complete;
            }
            Some(Ok(HandlerEnd::Failed { status, error })) => {
                let error = error.map(|error| excerpt(&error, 300));
                let error = error.as_deref();
                self.observe(Outcome::HandlerFailed { status, error, took, in_background });
            }
            // It did not start, and the rejection says why.
            Some(Err(_)) => {}
            None => self.observe(Outcome::HandlerPanicked { took, in_background }),
        }
        Finalization::Release
    }
}
