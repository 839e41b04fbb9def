use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use std::time::Instant;

use tracing::{debug, error, info, trace, warn};

use super::{Observation, Observer, Outcome};
use crate::delivery::Scope;
use crate::text::excerpt;
use crate::{DeliveryId, Rejection};

pub(super) const TARGET: &str = "nevent_webhooks";

/// While a store is down, one line in this many milliseconds says so.
const PAUSE_MILLIS: u64 = 5_000;

/// An observer that writes a log line for each outcome that a person may look for.
///
/// The level says who can cause the line: an unauthenticated sender (debug), the sender
/// (warn), this receiver or its store (error).
#[derive(Debug, Default)]
pub(super) struct LogLines {
    /// When the last failure of the store was logged, in milliseconds; 0 if none was.
    store_failure_logged: AtomicU64,
    /// The failures since then.
    store_failures_unlogged: AtomicU64,
    /// A failure was logged, and no recovery since.
    recovery_is_news: AtomicBool,
}

/// A line about one delivery.
macro_rules! line {
    ($level:ident, $of:expr, $($rest:tt)+) => {
        $level!(
            target: TARGET,
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
            _ => handler(of),
        }
    }
}

/// Rejections that follow an outcome which was logged already are debug lines.
fn rejected(of: &Observation<'_>, rejection: &Rejection) {
    let status = rejection.status();
    let is_told = matches!(
        rejection,
        Rejection::DeliveryIdConflict
            | Rejection::HandlerPanicked
            | Rejection::StoreUnavailable { .. }
            | Rejection::TooManyInFlight { .. }
    );
    if rejection.is_warning() && !is_told {
        line!(warn, of, status, reason = %rejection, "rejected");
    } else {
        line!(debug, of, status, reason = %rejection, "rejected");
    }
}

fn claim(of: &Observation<'_>) {
    match of.outcome {
        Outcome::Claimed { took } => line!(trace, of, ?took, "claimed"),
        Outcome::Duplicate { in_flight: true } => {
            line!(debug, of, "a repeat: another attempt is working on it");
        }
        Outcome::Duplicate { in_flight: false } => line!(debug, of, "a repeat: already processed"),
        Outcome::Replay { first_id } => {
            let first_id = first_id.as_str();
            line!(warn, of, first_id, "a replay: the same signed bytes came under another id");
        }
        Outcome::Conflict => {
            line!(warn, of, "a conflict: the delivery id came before, over another body");
        }
        Outcome::ClaimedTooLate => line!(
            warn,
            of,
            "the lease may have expired before the handler could start: the claim was given back"
        ),
        Outcome::RanUnclaimed => line!(error, of, "the handler runs without a claim"),
        Outcome::TooManyInFlight { limit } => {
            line!(warn, of, limit, "too many handlers are at work");
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
        // Its response is `rejected`, with the reason, unless nobody waits for it.
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
            line!(debug, of, cause, ?after, "the handler goes on in the background");
        }
        Outcome::LeaseRenewed { took } => line!(trace, of, ?took, "the lease was renewed"),
        Outcome::LeaseLost => {
            line!(error, of, "the lease was lost: the delivery may have been handled twice");
        }
        Outcome::FinalizedLate => line!(
            warn,
            of,
            "the store has not recorded the handler's end: trying on in the background"
        ),
        Outcome::FinalizeFailed => {
            line!(
                error,
                of,
                "the store never recorded the handler's end: a retry may run it again"
            );
        }
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
            line!(debug, of, "an event of a batch begins in the background");
        }
        Outcome::EventNotBegun => line!(
            warn,
            of,
            "an event of a batch did not begin within the handler timeout: left to the retry"
        ),
        _ => {}
    }
}

/// Since this was first asked for, and one more: never 0.
fn millis() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let elapsed = FIRST.get_or_init(Instant::now).elapsed().as_millis();
    u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(1)
}

impl LogLines {
    /// The first failure, then one line every few seconds, and the recovery.
    fn store(&self, of: &Observation<'_>) {
        match of.outcome {
            Outcome::StoreFailed { operation, error, took } => {
                let Some(unlogged) = self.may_log_failure() else { return };
                let (operation, reason) = (operation.as_str(), error.with_sources());
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

    /// How many failures were not logged before this one, if this one is.
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
