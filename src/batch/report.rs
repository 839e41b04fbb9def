use super::end::End;
use crate::Rejection;

/// What became of the events of a [`Batch`](super::Batch): as a handler's response,
/// 200 if all of them are done, and otherwise 500 `Batch incomplete`, so that the
/// sender's retry brings the others back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "return it from the handler: it is the answer"]
pub struct BatchReport {
    /// How many were handled now.
    pub completed: usize,
    /// How many had been handled before, in another batch or delivery.
    pub already_processed: usize,
    /// Those that are not done, in the order of the batch.
    pub failures: Vec<EventFailure>,
}

/// An event of a batch that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventFailure {
    /// Where it stands in the batch, from 0.
    pub position: usize,
    /// The event's id, if it has one.
    pub event_id: Option<String>,
    /// Why: what the handler's error prints with `{:#}`, or why no handler ran or ended.
    pub reason: String,
}

impl BatchReport {
    pub(super) fn of(ends: &[(usize, End)]) -> Self {
        let count = |is: fn(&End) -> bool| ends.iter().filter(|(_, end)| is(end)).count();
        let completed = count(|end| matches!(end, End::Completed));
        let already_processed = count(|end| matches!(end, End::AlreadyProcessed));
        let failures = ends.iter().filter_map(|(position, end)| {
            let (event_id, reason) = match end {
                End::Failed { event_id, reason } => (event_id.clone(), reason.clone()),
                End::Waiting(waiting) => (Some(waiting.name.id.clone()), WAITING.to_owned()),
                End::Completed | End::AlreadyProcessed => return None,
            };
            Some(EventFailure { position: *position, event_id, reason })
        });
        Self { completed, already_processed, failures: failures.collect() }
    }

    /// For handlers that answer otherwise than with the report itself.
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

const WAITING: &str = "not begun when the response was due: it begins in the background";
