//! Log lines and spans, if the feature `tracing` is on; nothing at all otherwise.

pub(crate) use imp::{Span, incident, rejection};

#[cfg(feature = "tracing")]
mod imp {
    use tracing::Instrument;

    use crate::dedupe::Incident;
    use crate::{DeliveryId, Rejection};

    pub(crate) fn rejection(rejection: &Rejection, id: Option<&DeliveryId>) {
        let (status, delivery) = (rejection.status(), id.map(DeliveryId::as_str));
        match status {
            200 | 409 => {
                tracing::debug!(target: TARGET, status, delivery, reason = %rejection, "repeat");
            }
            _ => tracing::warn!(target: TARGET, status, delivery, reason = %rejection, "rejection"),
        }
    }

    pub(crate) fn incident(incident: Incident, id: Option<&DeliveryId>) {
        let delivery = id.map(DeliveryId::as_str);
        match incident {
            Incident::Detached => {
                tracing::debug!(target: TARGET, ?incident, delivery, "deduplication");
            }
            Incident::Replayed | Incident::TooManyInFlight | Incident::SettlingLate => {
                tracing::warn!(target: TARGET, ?incident, delivery, "deduplication");
            }
            _ => tracing::error!(target: TARGET, ?incident, delivery, "deduplication"),
        }
    }

    const TARGET: &str = "nevent_webhooks";

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
    use crate::dedupe::Incident;
    use crate::{DeliveryId, Rejection};

    pub(crate) fn rejection(_: &Rejection, _: Option<&DeliveryId>) {}

    pub(crate) fn incident(_: Incident, _: Option<&DeliveryId>) {}

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
