use std::sync::Arc;

use crate::DeliveryId;
use crate::delivery::{AnyDelivery, Proof, Scope};
use crate::observe::Span;

/// The delivery that observers are told of, or the event in it. It holds no body, because an
/// attempt may wait for its store for minutes.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// As it was sent. The claim may be for the id that the signed bytes came with first.
    pub(super) id: DeliveryId,
    /// `None` for an entry of a queue.
    pub(super) scheme: Option<&'static str>,
    event_header: Option<Arc<str>>,
    pub(super) event: Option<EventName>,
}

/// The names of an event of a batch.
#[derive(Debug, Clone)]
pub(crate) struct EventName {
    pub(crate) id: String,
    pub(crate) event_type: String,
}

impl Subject {
    pub(crate) fn delivery(delivery: &impl AnyDelivery) -> Self {
        let delivery = delivery.accepted();
        let event_header = delivery.shared_event_header().cloned();
        let scheme = Some(delivery.proof().scheme());
        Self { id: delivery.id().clone(), scheme, event_header, event: None }
    }

    pub(crate) fn event(delivery: &impl AnyDelivery, event: EventName) -> Self {
        Self { event: Some(event), ..Self::delivery(delivery) }
    }

    /// The delivery that an entry of a queue came from, or the event in it.
    #[cfg(feature = "queue")]
    pub(crate) fn entry(id: DeliveryId, event: Option<EventName>) -> Self {
        Self { id, scheme: None, event_header: None, event }
    }

    /// The span of an attempt: an event's own, or that of the request.
    pub(super) fn span(&self, scope: &Scope) -> Span {
        match &self.event {
            Some(event) => Span::of_event(scope, event),
            None => Span::current(),
        }
    }

    /// The span of an attempt on an entry of a queue.
    #[cfg(feature = "queue")]
    pub(super) fn span_of_entry(&self, scope: &Scope, traceparent: Option<&str>) -> Span {
        Span::of_entry(scope, &self.id, self.event.as_ref(), traceparent)
    }

    /// The type of the event as its body says, or as the event header says, which is not signed.
    pub(super) fn event_type(&self) -> Option<&str> {
        let of_body = self.event.as_ref().map(|event| event.event_type.as_str());
        let of_body = of_body.filter(|event_type| !event_type.is_empty());
        of_body.or(self.event_header.as_deref())
    }
}
