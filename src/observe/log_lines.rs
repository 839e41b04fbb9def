mod pause;
mod store;
mod unproven;

use tracing::{debug, error, info, trace, warn};

use self::store::StoreLines;
use self::unproven::Unproven;
use super::span::record;
use super::{Observation, Observer, Outcome};
use crate::delivery::Scope;
use crate::text::{LOG_TARGET, excerpt};
use crate::{DeliveryId, Rejection};

/// An observer that writes a log line for each outcome that a person may look for.
///
/// The level says who can cause the line: an unauthenticated sender (debug), the sender
/// (warn), this receiver or its store (error).
#[derive(Debug, Default)]
pub(super) struct LogLines {
    store: StoreLines,
    unproven: Unproven,
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
use line;

impl Observer for LogLines {
    fn observe(&self, of: &Observation<'_>) {
        record(of);
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
            Outcome::Rejected { rejection } => {
                self.unproven.count(of, rejection);
                rejected(of, rejection);
            }
            Outcome::EventTypeMismatch { header, body } => {
                line!(warn, of, header, body, "the event header is not the event's type");
            }
            Outcome::StoreFailed { .. } | Outcome::StoreRecovered { .. } => self.store.line(of),
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
