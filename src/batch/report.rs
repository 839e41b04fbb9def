use super::end::End;
use crate::Rejection;

/// The result of [`Batch::process`](super::Batch::process): how many events are done, and which are
/// not.
///
/// In axum and actix-web the report is a response. It is 200 if all events are done, otherwise 500
/// `Batch incomplete`. The sender then retries the batch, and only the events that are not done run
/// again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "return it from the handler: it is the response"]
pub struct BatchReport {
    /// The number of events that were handled now.
    pub completed: usize,
    /// The number of events that were completed before, in another batch or delivery.
    pub already_processed: usize,
    /// The events that are not done, in the order of the batch.
    pub failures: Vec<EventFailure>,
}

/// An event of a batch that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventFailure {
    /// The event's position in the batch, from 0.
    pub position: usize,
    /// The event's id. `None` if the event cannot be read.
    pub event_id: Option<String>,
    /// Why the event is not done: the handler's error as `{:#}` prints it, or the reason why no
    /// handler ran or ended.
    pub reason: String,
}

impl BatchReport {
    pub(super) fn of<I>(ends: &[(usize, End<I>)]) -> Self {
        let count = |is: fn(&End<I>) -> bool| ends.iter().filter(|(_, end)| is(end)).count();
        let completed = count(|end| matches!(end, End::Completed));
        let already_processed = count(|end| matches!(end, End::AlreadyProcessed));
        let failures = ends.iter().filter_map(|(position, end)| {
            let (event_id, reason) = match end {
                End::Failed { event_id, reason } => (event_id.clone(), reason.clone()),
                End::Waiting(waiting) => (waiting.event_id.clone(), WAITING.to_owned()),
                End::Completed | End::AlreadyProcessed => return None,
            };
            Some(EventFailure { position: *position, event_id, reason })
        });
        Self { completed, already_processed, failures: failures.collect() }
    }

    /// The report as a `Result`, for handlers that do not return the report itself.
    ///
    /// # Errors
    ///
    /// [`Rejection::BatchIncomplete`] unless all events are done.
    pub fn into_result(self) -> Result<(), Rejection> {
        let failed = self.failures.len();
        if failed == 0 {
            return Ok(());
        }
        let done = self.completed.saturating_add(self.already_processed);
        let of = done.saturating_add(failed);
        Err(Rejection::BatchIncomplete { failed, of })
    }
}

const WAITING: &str = "not started when the response was due: it starts in the background";
