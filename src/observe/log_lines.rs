use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tracing::{debug, error, info, trace, warn};

use super::{Observation, Observer, Outcome};
use crate::delivery::Scope;
use crate::text::{LOG_TARGET, excerpt, with_sources};
use crate::{DeliveryId, Rejection};

/// The least time between two lines about a failing store, in milliseconds. Otherwise each delivery
/// during an outage would write one.
const PAUSE_MILLIS: u64 = 5_000;

/// An observer that writes a log line for each outcome that a person may look for.
///
/// The level says who can cause the line: an unauthenticated sender (debug), the sender
/// (warn), this receiver or its store (error).
#[derive(Debug, Default)]
pub(super) struct LogLines {
    /// When a failure of the store was last logged, in milliseconds. 0 if none was.
    store_failure_logged: AtomicU64,
    /// The number of failures since then.
    store_failures_unlogged: AtomicU64,
    /// Whether a failure was logged since the last recovery. Only then is a recovery logged.
    recovery_is_news: AtomicBool,
}

/// Writes a log line about one delivery.
macro_rules! line {
    ($level:ident, $of:expr, $($rest:tt)+) => {
        $level!(
            target: LOG_TARGET,
            outcome = $of.outcome.as_str(),
            scope = $of.scope.map(Scope::as_str),
            delivery = $of.delivery_id.map(DeliveryId::as_str),
            event = $of.event_id.map(|id| excerpt(id, 100)),
            event_type = $of.event_type.map(|name| excerpt(name, 60)),
            $($rest)+
        )
    };
}

impl Observer for LogLines {
    fn observe(&self, of: &Observation<'_>) {
        match of.outcome {
            Outcome::Verified { age, secret, body_bytes, body_read } => {
                line!(debug, of, age, secret, body_bytes, ?body_read, "genuine and fresh");
            }
            Outcome::TokenAccepted { token, body_bytes, body_read } => {
                line!(
                    debug,
                    of,
                    token,
                    body_bytes,
                    ?body_read,
                    "the token matched, nothing is signed"
                );
            }
            Outcome::HandshakeAnswered => line!(info, of, "a handshake was answered"),
            Outcome::Rejected { rejection } => rejected(of, rejection),
            Outcome::EventTypeMismatch { header, body } => {
                line!(warn, of, header, body, "the event header is not the event's type");
            }
            Outcome::StoreFailed { .. } | Outcome::StoreRecovered { .. } => self.store(of),
            Outcome::StoreAnswered { operation, took } => {
                line!(trace, of, operation = operation.as_str(), ?took, "the store answered");
            }
            Outcome::Claimed { .. }
            | Outcome::Duplicate { .. }
            | Outcome::Replay { .. }
            | Outcome::Conflict
            | Outcome::ClaimedTooLate
            | Outcome::RanUnclaimed
            | Outcome::TooManyInFlight { .. } => claim(of),
            Outcome::EventUnreadable { .. }
            | Outcome::EventFailed { .. }
            | Outcome::EventDeferred
            | Outcome::EventNotBegun => {
                event_of_a_batch(of);
            }
            Outcome::LeaseRenewed { .. }
            | Outcome::LeaseLost
            | Outcome::FinalizedLate
            | Outcome::FinalizeFailed
            | Outcome::NotCommitted => lease_and_record(of),
            Outcome::HandlerSucceeded { .. }
            | Outcome::HandlerFailed { .. }
            | Outcome::HandlerPanicked { .. }
            | Outcome::HandlerTimedOut { .. }
            | Outcome::MovedToBackground { .. } => handler(of),
        }
    }
}

/// Logs a rejection. If another outcome already said why, at a higher level, this is a debug line.
fn rejected(of: &Observation<'_>, rejection: &Rejection) {
    let status = rejection.status();
    let is_logged = matches!(
        rejection,
        Rejection::DeliveryIdConflict
            | Rejection::HandlerPanicked
            | Rejection::StoreUnavailable { .. }
            | Rejection::TooManyInFlight { .. }
    );
    if rejection.is_warning() && !is_logged {
        line!(warn, of, status, reason = %rejection, "rejected");
    } else {
        line!(debug, of, status, reason = %rejection, "rejected");
    }
}

fn claim(of: &Observation<'_>) {
    match of.outcome {
        Outcome::Claimed { took } => line!(trace, of, ?took, "claimed"),
        Outcome::Duplicate { in_flight: true } => {
            line!(debug, of, "a repeat: another attempt is in progress");
        }
        Outcome::Duplicate { in_flight: false } => line!(debug, of, "a repeat: already processed"),
        Outcome::Replay { first_id } => {
            let first_id = first_id.as_str();
            line!(warn, of, first_id, "a replay: the same signed bytes arrived under another id");
        }
        Outcome::Conflict => {
            line!(warn, of, "a conflict: the delivery id was used before, with a different body");
        }
        Outcome::ClaimedTooLate => line!(
            warn,
            of,
            "the lease may have expired before the handler could start: the claim was released"
        ),
        Outcome::RanUnclaimed => line!(error, of, "the handler runs without a claim"),
        Outcome::TooManyInFlight { limit } => {
            line!(warn, of, limit, "too many handlers are running");
        }
        _ => {}
    }
}

fn handler(of: &Observation<'_>) {
    match of.outcome {
        Outcome::HandlerSucceeded { took, in_background: false } => {
            line!(debug, of, ?took, "the handler succeeded");
        }
        Outcome::HandlerSucceeded { took, in_background: true } => {
            line!(info, of, ?took, "the handler succeeded in the background");
        }
        // The `rejected` line of the response has the reason. In the background there is no response.
        Outcome::HandlerFailed {
            status: Some(status),
            error: Some(_),
            in_background: false,
            ..
        } => {
            line!(debug, of, status, "the handler failed");
        }
        Outcome::HandlerFailed { status, error, took, in_background } => {
            line!(warn, of, status, error, ?took, in_background, "the handler failed");
        }
        Outcome::HandlerPanicked { took, in_background } => {
            line!(error, of, ?took, in_background, "the handler panicked");
        }
        Outcome::HandlerTimedOut { took } => {
            line!(error, of, ?took, "the handler ran longer than its timeout");
        }
        Outcome::MovedToBackground { cause, after } => {
            let cause = cause.as_str();
            line!(debug, of, cause, ?after, "the handler continues in the background");
        }
        _ => {}
    }
}

fn lease_and_record(of: &Observation<'_>) {
    match of.outcome {
        Outcome::LeaseRenewed { took } => line!(trace, of, ?took, "the lease was renewed"),
        Outcome::LeaseLost => {
            line!(error, of, "the lease was lost: the delivery may have been handled twice");
        }
        Outcome::FinalizedLate => line!(
            warn,
            of,
            "the store has not recorded the handler's end: retrying in the background"
        ),
        Outcome::FinalizeFailed => {
            line!(
                error,
                of,
                "the store never recorded the handler's end: a retry may run the handler again"
            );
        }
        Outcome::NotCommitted => line!(
            error,
            of,
            "the handler returned 2xx, but the transaction in which it completed the delivery was \
             not committed: the sender retries"
        ),
        _ => {}
    }
}

fn event_of_a_batch(of: &Observation<'_>) {
    match of.outcome {
        Outcome::EventUnreadable { position, reason } => {
            line!(warn, of, position, reason, "an event of a batch cannot be read");
        }
        Outcome::EventFailed { error } => line!(warn, of, error, "an event of a batch failed"),
        Outcome::EventDeferred => {
            line!(debug, of, "an event of a batch starts in the background");
        }
        Outcome::EventNotBegun => line!(
            warn,
            of,
            "an event of a batch did not start within the handler timeout: left to the retry"
        ),
        _ => {}
    }
}

/// Milliseconds since the first call, plus one, so that the result is never 0.
fn millis() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let elapsed = FIRST.get_or_init(Instant::now).elapsed().as_millis();
    u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(1)
}

impl LogLines {
    /// Logs the first failure, then one failure every few seconds, and the recovery.
    fn store(&self, of: &Observation<'_>) {
        match of.outcome {
            Outcome::StoreFailed { operation, error, took } => {
                let Some(unlogged) = self.may_log_failure() else { return };
                let (operation, reason) = (operation.as_str(), with_sources(error));
                line!(error, of, operation, reason, ?took, unlogged, "the store failed");
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

    /// Returns the number of unlogged failures before this one, or `None` if this one is not to be
    /// logged.
    fn may_log_failure(&self) -> Option<u64> {
        let now = millis();
        let is_due =
            |last: u64| (last == 0 || now.saturating_sub(last) >= PAUSE_MILLIS).then_some(now);
        let logged = &self.store_failure_logged;
        if logged.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_err() {
            self.store_failures_unlogged.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.recovery_is_news.store(true, Ordering::Relaxed);
        Some(self.store_failures_unlogged.swap(0, Ordering::Relaxed))
    }
}
