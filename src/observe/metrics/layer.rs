//! The observer that counts and measures what one layer does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::Counter;

use super::event_types::{DOCUMENTED, documented};
use super::outcomes::{OfDelivery, OfEvent};
use crate::delivery::Scope;
use crate::metrics::ByName;
use crate::metrics::table::{
    BODY_READ, DELIVERIES, EVENTS, HANDLER_DURATION, INCIDENTS, REJECTIONS, SECRET_MATCHES,
    SIGNATURE_AGE, STORE_DURATION,
};
use crate::metrics::{LazyHistogram, seconds};
use crate::observe::{Incident, LayerKind, Observation, Observer, Outcome, StoreOperation};
use crate::store::StoreError;

/// The observer for a layer of this kind.
#[allow(clippy::unnecessary_wraps, reason = "`None` without the feature")]
pub(crate) fn observer(kind: LayerKind) -> Option<Arc<dyn Observer>> {
    Some(Arc::new(Metrics { kind, handles: OnceLock::new() }))
}

/// Resolves its handles at the first outcome, which says the layer's scope.
struct Metrics {
    kind: LayerKind,
    handles: OnceLock<Handles>,
}

impl Observer for Metrics {
    fn observe(&self, of: &Observation<'_>) {
        let handles = self.handles.get_or_init(|| {
            let scope = of.scope.map_or("-", Scope::as_str);
            Handles::new(self.kind, scope)
        });
        match self.kind {
            LayerKind::Checks => handles.checked(of),
            LayerKind::Deduplication => {
                handles.delivery(of);
                handles.event(of);
                handles.work(of);
            }
            LayerKind::Consumer => handles.work(of),
        }
        if let Outcome::Rejected { rejection } = of.outcome {
            handles.rejected(rejection.as_str());
        }
    }
}

/// The counters of one scheme. Those of another kind of layer do nothing.
type Deliveries = Box<[Counter; OfDelivery::COUNT]>;

struct Handles {
    kind: LayerKind,
    scope: Box<str>,
    /// By scheme.
    deliveries: ByName<Deliveries>,
    /// By reason. There are fewer.
    rejections: ByName<Counter, 64>,
    incidents: Vec<Counter>,
    /// By secret or token.
    matches: ByName<Counter>,
    events: [[OnceLock<Counter>; OfEvent::COUNT]; DOCUMENTED.len() + 1],
    signature_age: LazyHistogram,
    body_read: LazyHistogram,
    handler: [LazyHistogram; 4],
    store: [[LazyHistogram; 3]; 5],
}

impl Handles {
    fn new(kind: LayerKind, scope: &str) -> Self {
        let incident = |incident: &Incident| INCIDENTS.counter(&[scope, incident.as_str()]);
        let incidents = match kind {
            LayerKind::Checks => Vec::new(),
            LayerKind::Deduplication | LayerKind::Consumer => {
                Incident::ALL.iter().map(incident).collect()
            }
        };
        Self {
            kind,
            scope: scope.into(),
            deliveries: ByName::new(),
            rejections: ByName::new(),
            incidents,
            matches: ByName::new(),
            events: [const { [const { OnceLock::new() }; OfEvent::COUNT] }; _],
            signature_age: LazyHistogram::new(),
            body_read: LazyHistogram::new(),
            handler: [const { LazyHistogram::new() }; _],
            store: [const { [const { LazyHistogram::new() }; 3] }; _],
        }
    }

    /// An outcome of the checks.
    fn checked(&self, of: &Observation<'_>) {
        self.delivery(of);
        match of.outcome {
            Outcome::Verified { age, secret, body_read, .. } => {
                if let Some(age) = age {
                    self.signature_age.record(seconds(age), &SIGNATURE_AGE, &[&self.scope]);
                }
                self.accepted(secret, body_read);
            }
            Outcome::TokenAccepted { token, body_read, .. } => self.accepted(token, body_read),
            _ => {}
        }
    }

    fn accepted(&self, secret: &str, body_read: Duration) {
        self.body_read.took(body_read, &BODY_READ, &[&self.scope]);
        let resolve = |name: &str| SECRET_MATCHES.counter(&[&self.scope, name]);
        self.matches.get(secret, resolve).increment(1);
    }

    fn delivery(&self, of: &Observation<'_>) {
        let Some(outcome) = OfDelivery::of(of) else { return };
        let counters =
            self.deliveries.get(of.scheme.unwrap_or("-"), |scheme| self.of_scheme(scheme));
        if let Some(counter) = counters.get(outcome as usize) {
            counter.increment(1);
        }
    }

    /// All counters of a scheme that this layer can count, so that each begins with 0.
    fn of_scheme(&self, scheme: &str) -> Deliveries {
        let counted = match self.kind {
            LayerKind::Checks => OfDelivery::OF_CHECKS,
            LayerKind::Deduplication | LayerKind::Consumer => OfDelivery::OF_DEDUPLICATION,
        };
        let mut counters = Box::new([const { Counter::noop() }; _]);
        for outcome in counted {
            if let Some(counter) = counters.get_mut(*outcome as usize) {
                *counter = DELIVERIES.counter(&[&self.scope, scheme, outcome.as_str()]);
            }
        }
        counters
    }

    fn event(&self, of: &Observation<'_>) {
        let Some(end) = OfEvent::of(of) else { return };
        // What cannot be read has no type. The event header is not about one event of a batch.
        let event_type = of.event_type.filter(|_| end != OfEvent::Unreadable);
        let (position, event_type) = documented(event_type);
        let counter = self.events.get(position).and_then(|ends| ends.get(end as usize));
        if let Some(counter) = counter {
            let resolve = || EVENTS.counter(&[&self.scope, event_type, end.as_str()]);
            counter.get_or_init(resolve).increment(1);
        }
    }

    /// What handlers, leases and the store did.
    fn work(&self, of: &Observation<'_>) {
        if let Some(incident) = Incident::of(&of.outcome)
            && let Some(counter) = self.incidents.get(incident as usize)
        {
            counter.increment(1);
        }
        match of.outcome {
            Outcome::HandlerSucceeded { took, .. } => self.handled(of, 0, took),
            Outcome::HandlerFailed { took, .. } => self.handled(of, 1, took),
            Outcome::HandlerPanicked { took, .. } => self.handled(of, 2, took),
            Outcome::HandlerTimedOut { took } => self.handled(of, 3, took),
            Outcome::StoreAnswered { operation, took } => self.stored(operation, (0, "ok"), took),
            Outcome::StoreFailed { operation, error, took } => {
                let result = match error {
                    StoreError::Full { .. } => (1, "full"),
                    StoreError::Unavailable(_) => (2, "failed"),
                };
                self.stored(operation, result, took);
            }
            _ => {}
        }
    }

    /// The time of a batch's handler has those of its events in it, so they are not measured as well.
    fn handled(&self, of: &Observation<'_>, end: usize, took: Duration) {
        let is_event_of_batch = of.event_id.is_some() && self.kind == LayerKind::Deduplication;
        if !is_event_of_batch && let Some(histogram) = self.handler.get(end) {
            let labels = [&*self.scope, of.outcome.as_str()];
            histogram.took(took, &HANDLER_DURATION, &labels);
        }
    }

    fn stored(&self, operation: StoreOperation, (position, result): (usize, &str), took: Duration) {
        let results = self.store.get(operation as usize);
        if let Some(histogram) = results.and_then(|results| results.get(position)) {
            let labels = [&*self.scope, operation.as_str(), result];
            histogram.took(took, &STORE_DURATION, &labels);
        }
    }

    fn rejected(&self, reason: &str) {
        let resolve = |reason: &str| REJECTIONS.counter(&[&self.scope, reason]);
        self.rejections.get(reason, resolve).increment(1);
    }
}
