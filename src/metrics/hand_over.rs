use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::by_name::ByName;
use super::handles::LazyHistogram;
use super::table::HANDOVER_DURATION;
use crate::delivery::Scope;
use crate::panic::catch;
use crate::queue::QueueError;

/// Measures how long a queue takes to confirm entries.
#[derive(Debug, Clone)]
pub(crate) struct HandOvers(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    queue: Cow<'static, str>,
    /// By the endpoint's scope: several routes may have the same hand-over.
    by_scope: ByName<(Box<str>, [LazyHistogram; 4])>,
}

impl HandOvers {
    pub(crate) fn new(queue: Cow<'static, str>) -> Self {
        Self(Arc::new(Handles { queue, by_scope: ByName::new() }))
    }

    /// Measures a put to its end.
    pub(crate) async fn measure(
        &self,
        scope: &Scope,
        put: impl Future<Output = Result<(), QueueError>>,
    ) -> Result<(), QueueError> {
        let started = Instant::now();
        let ended = put.await;
        let took = started.elapsed();
        let (position, result) = match &ended {
            Ok(()) => (0, "confirmed"),
            Err(QueueError::Unavailable(_)) => (1, "failed"),
            Err(QueueError::TimedOut { .. }) => (2, "timed_out"),
            Err(QueueError::NotCompleted(_)) => (3, "not_completed"),
        };
        let _ = catch(|| {
            let Handles { queue, by_scope } = &*self.0;
            let new = |scope: &str| (scope.into(), [const { LazyHistogram::new() }; 4]);
            let (scope, results) = by_scope.get(scope.of_endpoint(), new);
            if let Some(histogram) = results.get(position) {
                histogram.took(took, &HANDOVER_DURATION, &[scope, queue, result]);
            }
        });
        ended
    }
}
