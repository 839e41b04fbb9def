//! The flow for an entry of a queue: there is no request, no response and no response deadline.

use std::fmt::Display;
use std::sync::Arc;

use super::attempt::Attempt;
use super::background;
use super::handle_once::{HandlerEnd, claim_handle_finalize};
use super::{Dedupe, Subject};
use crate::delivery::ClaimHandle;
use crate::observe::Outcome;
use crate::store::{Claim, Fingerprint, RecordKind};
use crate::{DeliveryId, Rejection};

/// What is claimed for an entry, and what observers are told of.
pub(crate) struct Entry {
    pub(crate) id: DeliveryId,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) subject: Subject,
    /// The `traceparent` of the request that the entry came with.
    pub(crate) traceparent: Option<String>,
}

/// The handler's output. The text of an error is made when the handler ends, for observers.
type Output<T, E> = Result<T, (E, String)>;

/// How an entry ended. `None` if the handler was dropped at its timeout.
pub(crate) type Ended<T, E> = Option<Result<Result<T, E>, Rejection>>;

/// Runs the handler for an entry of a queue, unless the entry is completed or in flight.
///
/// The work has tasks of its own from the start. They renew the lease, and continue if the caller
/// drops this future.
pub(crate) async fn handle_entry_once<I, T, E, F>(
    dedupe: &Arc<Dedupe>,
    Entry { id, tenant, subject, traceparent }: Entry,
    item: I,
    handler: impl FnOnce(I, ClaimHandle) -> F + Send + 'static,
) -> Ended<T, E>
where
    I: Send + 'static,
    T: Send + 'static,
    E: Display + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let Some(permit) = dedupe.permits.take() else {
        let limit = dedupe.options.max_in_flight;
        dedupe.observe(Outcome::TooManyInFlight { limit }, &subject);
        return Some(Err(Rejection::TooManyInFlight { limit }));
    };
    let claim = dedupe.claim_for_entry(id, tenant.as_deref());
    let span = subject.span_of_entry(&dedupe.scope, traceparent.as_deref());
    let of = (subject, span);
    let attempt = Arc::new(Attempt::new(Arc::clone(dedupe), permit, of, dedupe.times));
    let start = |_: &_, item, claim| async { Ok(handler(item, claim).await.map_err(with_text)) };
    let work =
        claim_handle_finalize(Arc::clone(&attempt), item, |_, _| Ok(claim), start, end_of::<T, E>);
    let ended = background::supervised(attempt, Box::pin(work)).await;
    ended.ok()?.map(|result| result.map(|output| output.map_err(|(error, _)| error)))
}

/// `{:#}` prints the whole chain of causes of `anyhow` and similar errors.
fn with_text<E: Display>(error: E) -> (E, String) {
    let text = format!("{error:#}");
    (error, text)
}

fn end_of<T, E>(output: &Output<T, E>) -> HandlerEnd<'_> {
    match output {
        Ok(_) => HandlerEnd::Succeeded,
        Err((_, text)) => HandlerEnd::Failed { status: None, error: Some(text), rejection: None },
    }
}

impl Dedupe {
    /// The claim of a queue's consumer. Its kind keeps it apart from the receiver's records, which are
    /// completed when the entry is in the queue.
    fn claim_for_entry(&self, id: DeliveryId, tenant: Option<&str>) -> Claim {
        let scope = match tenant {
            Some(tenant) => self.scope.of_tenant(tenant),
            None => self.scope.clone(),
        };
        let fingerprint = Fingerprint::of(id.as_str().as_bytes());
        Claim {
            kind: RecordKind::Queued,
            lease: self.times.lease,
            retention: self.times.retention,
            ..Claim::new(scope, id, fingerprint)
        }
    }
}
