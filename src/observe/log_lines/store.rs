use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tracing::{error, info};

use super::line;
use super::pause::Pause;
use crate::DeliveryId;
use crate::delivery::Scope;
use crate::observe::{Observation, Outcome};
use crate::text::{LOG_TARGET, excerpt, with_sources};

/// The least time between two lines about a failing store. Otherwise each delivery during an outage would
/// write one.
const PAUSE: Duration = Duration::from_secs(5);

/// The lines about a store that fails and recovers.
#[derive(Debug, Default)]
pub(super) struct StoreLines {
    pause: Pause,
    /// The number of failures since the last line.
    unlogged: AtomicU64,
    /// Whether a failure was logged since the last recovery. Only then is a recovery logged.
    recovery_is_news: AtomicBool,
}

impl StoreLines {
    /// Logs the first failure, then one failure every few seconds, and the recovery.
    pub(super) fn line(&self, of: &Observation<'_>) {
        match of.outcome {
            Outcome::StoreFailed { operation, error, took } => {
                if !self.pause.is_over(PAUSE) {
                    self.unlogged.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                self.recovery_is_news.store(true, Ordering::Relaxed);
                let unlogged = self.unlogged.swap(0, Ordering::Relaxed);
                let (operation, reason) = (operation.as_str(), with_sources(error));
                line!(
                    error,
                    of,
                    operation,
                    reason,
                    ?took,
                    unlogged,
                    "the store failed: deliveries are answered 503 and wait for their retries"
                );
            }
            Outcome::StoreRecovered { down_for, failures } => {
                let is_news = self.recovery_is_news.swap(false, Ordering::Relaxed);
                if is_news {
                    line!(info, of, ?down_for, failures, "the store answers again");
                }
            }
            _ => {}
        }
    }
}
