use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::info;

use super::pause::Pause;
use crate::delivery::Scope;
use crate::observe::Observation;
use crate::text::LOG_TARGET;
use crate::{Fault, Rejection};

/// The least time between two lines. Anyone can cause them.
const PAUSE: Duration = Duration::from_secs(60);

/// Counts the rejections that anyone can cause, for a line that says how many there were.
#[derive(Debug, Default)]
pub(super) struct Unproven {
    pause: Pause,
    /// By reason, since the last line.
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Unproven {
    /// Counts a rejection, and writes the line if the last one is a minute ago.
    pub(super) fn count(&self, of: &Observation<'_>, rejection: &Rejection) {
        let is_anyones = matches!(rejection.fault(), Some(Fault::Sender | Fault::Network));
        if !is_anyones || rejection.is_warning() {
            return;
        }
        // The lock is free again here: a subscriber may come back to this function.
        let Some(counts) = self.add(rejection.as_str()) else { return };
        let rejected: u64 = counts.values().fold(0, |sum, count| sum.saturating_add(*count));
        info!(
            target: LOG_TARGET,
            scope = of.scope.map(Scope::as_str),
            rejected,
            reasons = reasons(&counts),
            "requests without proof were rejected: if genuine deliveries are missing, compare the secret with the \
             sender's"
        );
    }

    /// Counts one, and takes the counts if a line is due.
    fn add(&self, reason: &'static str) -> Option<BTreeMap<&'static str, u64>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(reason).or_default();
        *count = count.saturating_add(1);
        self.pause.is_over(PAUSE).then(|| std::mem::take(&mut *counts))
    }
}

/// `invalid_signature=12 missing_signature=3`
fn reasons(counts: &BTreeMap<&'static str, u64>) -> String {
    let reasons: Vec<_> =
        counts.iter().map(|(reason, count)| format!("{reason}={count}")).collect();
    reasons.join(" ")
}
