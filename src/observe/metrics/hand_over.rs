use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use crate::delivery::Scope;
use crate::metrics::table::HANDOVER_DURATION;
use crate::metrics::{ByName, LazyHistogram};
use crate::panic::catch;

/// Measures how long a queue takes to confirm entries.
#[derive(Debug, Clone)]
pub(crate) struct HandOvers(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    queue: Cow<'static, str>,
    /// By the endpoint's scope: several routes may have the same hand-over. Then by the result.
    by_scope: ByName<(Box<str>, ByName<LazyHistogram, 4>)>,
}

impl HandOvers {
    pub(crate) fn new(queue: Cow<'static, str>) -> Self {
        Self(Arc::new(Handles { queue, by_scope: ByName::new() }))
    }

    /// Measures a put to its end, whose name `result` says.
    pub(crate) async fn measure<T>(
        &self,
        scope: &Scope,
        put: impl Future<Output = T>,
        result: impl Fn(&T) -> &'static str,
    ) -> T {
        let started = Instant::now();
        let ended = put.await;
        let (took, result) = (started.elapsed(), result(&ended));
        let _ = catch(|| {
            let Handles { queue, by_scope } = &*self.0;
            let new = |scope: &str| (scope.into(), ByName::new());
            let (scope, by_result) = by_scope.get(scope.of_endpoint(), new);
            let histogram = by_result.get(result, |_| LazyHistogram::new());
            histogram.took(took, &HANDOVER_DURATION, &[scope, queue, result]);
        });
        ended
    }
}
