use std::sync::{Arc, OnceLock};

use metrics::Counter;

use crate::metrics::ByName;
use crate::metrics::LazyHistogram;
use crate::metrics::table::{ATTEMPTS, ENTRY_AGE};
use crate::panic::catch;
use crate::{Clock, SystemClock};

/// The results of attempts: the names of `Handled`.
const RESULTS: [&str; 8] = [
    "done",
    "already_done",
    "in_progress",
    "failed",
    "panicked",
    "timed_out",
    "not_committed",
    "refused",
];

/// Counts the attempts of a consumer, and measures how old entries are.
#[derive(Debug, Clone)]
pub(crate) struct Attempts(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    scope: Box<str>,
    results: OnceLock<ByName<Counter, { RESULTS.len() }>>,
    age: LazyHistogram,
}

impl Attempts {
    pub(crate) fn new(scope: &str) -> Self {
        let (results, age) = (OnceLock::new(), LazyHistogram::new());
        Self(Arc::new(Handles { scope: scope.into(), results, age }))
    }

    /// An attempt starts, at an entry whose delivery arrived at this time.
    pub(crate) fn started(&self, received_at_millis: i64) {
        let millis = SystemClock.unix_millis().saturating_sub(received_at_millis);
        let _ = catch(|| self.0.age.record(seconds_of(millis), &ENTRY_AGE, &[&self.0.scope]));
    }

    pub(crate) fn ended(&self, result: &str) {
        let resolve = |result: &str| ATTEMPTS.counter(&[&self.0.scope, result]);
        let _ = catch(|| {
            let results = self.0.results.get_or_init(|| {
                let results = ByName::new();
                for result in RESULTS {
                    // All, so that each begins with 0.
                    results.get(result, resolve);
                }
                results
            });
            results.get(result, resolve).increment(1);
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "no age is that long")]
fn seconds_of(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
