//! Log lines and spans, if the feature `tracing` is on; nothing at all otherwise.

#[cfg(any(feature = "tower", feature = "actix"))]
use crate::{DeliveryId, Rejection};

pub(crate) use imp::{Span, event_failed, event_type_mismatch, unread_field};
pub(crate) use imp::{incident, rejection, store_error, verified};

/// A rejection that a handler or an extractor answers with, where its response passes by.
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) fn handlers_rejection(refused: Option<&Rejection>, id: Option<&DeliveryId>) {
    if let Some(refused) = refused {
        rejection(refused, id);
    }
}

/// For a rejection that no layer sees pass by.
#[cfg(any(feature = "axum", feature = "actix"))]
pub(crate) fn logged(refused: Rejection, id: Option<&DeliveryId>) -> Rejection {
    rejection(&refused, id);
    refused
}

#[cfg(feature = "tracing")]
mod imp {
    use tracing::Instrument;
    use tracing::{debug, error, warn};

    use crate::observe::Incident;
    use crate::store::StoreError;
    use crate::text::excerpt;
    use crate::{Delivery, DeliveryId, Rejection};

    const TARGET: &str = "nevent_webhooks";

    pub(crate) fn verified(delivery: &Delivery) {
        let (age, secret) = (delivery.verified().age(), delivery.verified().secret_name());
        debug!(target: TARGET, delivery = delivery.id().as_str(), age, secret, "verified");
    }

    /// Anyone can have anything refused that is not authentic: that is no warning.
    pub(crate) fn rejection(rejection: &Rejection, id: Option<&DeliveryId>) {
        let (status, delivery) = (rejection.status(), id.map(DeliveryId::as_str));
        if rejection.is_warning() {
            warn!(target: TARGET, status, delivery, reason = %rejection, "rejected");
        } else {
            debug!(target: TARGET, status, delivery, reason = %rejection, "rejected");
        }
    }

    pub(crate) fn incident(incident: Incident, id: &DeliveryId) {
        let delivery = id.as_str();
        match incident {
            Incident::MovedToBackground => {
                debug!(target: TARGET, ?incident, delivery, "deduplication");
            }
            Incident::Replay
            | Incident::TooManyInFlight
            | Incident::ClaimedTooLate
            | Incident::FinalizedLate => {
                warn!(target: TARGET, ?incident, delivery, "deduplication");
            }
            _ => error!(target: TARGET, ?incident, delivery, "deduplication"),
        }
    }

    pub(crate) fn store_error(error: &StoreError, id: &DeliveryId) {
        let (reason, delivery) = (error.with_sources(), id.as_str());
        warn!(target: TARGET, reason, delivery, "the store failed");
    }

    pub(crate) fn event_type_mismatch(id: &DeliveryId, header: &str, body: &str) {
        let delivery = id.as_str();
        warn!(target: TARGET, delivery, header, body, "the event header is not the event's type");
    }

    pub(crate) fn event_failed(
        id: &DeliveryId,
        position: Option<usize>,
        event: Option<&str>,
        reason: &str,
    ) {
        let (delivery, reason) = (id.as_str(), excerpt(reason, 300));
        let event = event.map(|id| excerpt(id, 100));
        warn!(target: TARGET, delivery, position, event, reason, "an event of a batch failed");
    }

    pub(crate) fn unread_field(field: &str) {
        warn!(target: TARGET, field, "an optional field is not as documented, and was left out");
    }

    /// The span a delivery came in, for work that outlives its request.
    #[derive(Debug)]
    pub(crate) struct Span(tracing::Span);

    impl Span {
        pub(crate) fn current() -> Self {
            Self(tracing::Span::current())
        }

        pub(crate) fn wrap<F: Future>(
            &self,
            future: F,
        ) -> impl Future<Output = F::Output> + use<F> {
            future.instrument(self.0.clone())
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod imp {
    use crate::observe::Incident;
    use crate::store::StoreError;
    use crate::{Delivery, DeliveryId, Rejection};

    pub(crate) fn verified(_: &Delivery) {}

    pub(crate) fn rejection(_: &Rejection, _: Option<&DeliveryId>) {}

    pub(crate) fn incident(_: Incident, _: &DeliveryId) {}

    pub(crate) fn store_error(_: &StoreError, _: &DeliveryId) {}

    pub(crate) fn event_type_mismatch(_: &DeliveryId, _: &str, _: &str) {}

    pub(crate) fn event_failed(_: &DeliveryId, _: Option<usize>, _: Option<&str>, _: &str) {}

    pub(crate) fn unread_field(_: &str) {}

    #[derive(Debug)]
    pub(crate) struct Span;

    impl Span {
        pub(crate) fn current() -> Self {
            Self
        }

        #[allow(clippy::unused_self, reason = "the other half of a pair")]
        pub(crate) fn wrap<F: Future>(&self, future: F) -> F {
            future
        }
    }
}
