//! Spans with the feature `tracing`. Without it, a type that does nothing.
//!
//! The fields have the names of OpenTelemetry's semantic conventions where these have one.

pub(crate) use imp::Span;
#[cfg(feature = "tracing")]
pub(super) use imp::record;

#[cfg(feature = "tracing")]
mod imp {
    use tracing::field::Empty;
    use tracing::{Instrument, info_span};

    use super::super::{Observation, Outcome};
    #[cfg(feature = "queue")]
    use crate::DeliveryId;
    use crate::dedupe::EventName;
    use crate::delivery::Scope;
    #[cfg(any(feature = "tower", feature = "actix"))]
    use crate::receive::{Head, Header};
    use crate::text::{LOG_TARGET, excerpt};
    use crate::{Fault, Rejection};

    /// The span of a request, of an event of a batch, or of an entry of a queue. It lasts until the handler
    /// has ended, if need be in the background.
    #[derive(Debug, Clone)]
    pub(crate) struct Span(tracing::Span);

    /// A span with the fields that all spans have. What is empty is recorded by the outcomes.
    macro_rules! span {
        ($name:literal, $($field:tt)*) => {
            Span(info_span!(
                target: LOG_TARGET,
                $name,
                otel.kind = "consumer",
                $($field)*
                outcome = Empty,
                http.response.status_code = Empty,
                error.type = Empty,
                otel.status_code = Empty,
            ))
        };
    }

    impl Span {
        /// The span of a request. Anyone can send the header with the request's id, so it is cut and
        /// escaped.
        #[cfg(any(feature = "tower", feature = "actix"))]
        pub(crate) fn of_request(scope: Option<&Scope>, head: &impl Head) -> Self {
            let request_id = || head.lines(Header::Named("x-request-id")).next();
            span!(
                "webhook",
                scope = scope.map(Scope::as_str),
                request_id = request_id().map(|id| excerpt(&String::from_utf8_lossy(id), 100)),
                messaging.message.id = Empty,
                messaging.message.body.size = Empty,
                event_type = Empty,
            )
        }

        /// The span of an event of a batch, within that of its delivery.
        pub(crate) fn of_event(scope: &Scope, event: &EventName) -> Self {
            span!(
                "webhook_event",
                scope = scope.as_str(),
                event = excerpt(&event.id, 100),
                event_type = excerpt(&event.event_type, 60),
            )
        }

        /// The span of an attempt on an entry of a queue. `traceparent` is that of the request that the entry
        /// came with, for a link.
        #[cfg(feature = "queue")]
        pub(crate) fn of_entry(
            scope: &Scope,
            id: &DeliveryId,
            event: Option<&EventName>,
            traceparent: Option<&str>,
        ) -> Self {
            span!(
                "webhook_entry",
                scope = scope.as_str(),
                messaging.message.id = id.as_str(),
                event = event.map(|event| excerpt(&event.id, 100)),
                event_type = event.map(|event| excerpt(&event.event_type, 60)),
                traceparent,
            )
        }

        pub(crate) fn current() -> Self {
            Self(tracing::Span::current())
        }

        pub(crate) fn wrap<F: Future>(
            &self,
            future: F,
        ) -> impl Future<Output = F::Output> + use<F> {
            future.instrument(self.0.clone())
        }

        pub(crate) fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
            self.0.in_scope(work)
        }
    }

    /// Records in the current span what was verified, and how an attempt ended. Nothing else, and nothing twice
    /// if it can be helped: a subscriber that writes text adds to the span's fields each time.
    pub(in super::super) fn record(of: &Observation<'_>) {
        let span = tracing::Span::current();
        if span.is_disabled() {
            return;
        }
        if let Outcome::Verified { body_bytes, .. } | Outcome::TokenAccepted { body_bytes, .. } =
            of.outcome
        {
            if let Some(id) = of.delivery_id {
                span.record("messaging.message.id", id.as_str());
            }
            span.record("messaging.message.body.size", body_bytes);
            if let Some(event_type) = of.event_type {
                span.record("event_type", excerpt(event_type, 60));
            }
        }
        if let Some(end) = End::of(&of.outcome) {
            end.record(&span);
        }
    }

    /// How a delivery, an event or an entry ended.
    struct End<'a> {
        outcome: &'a str,
        status: Option<u16>,
        is_error: bool,
        /// Whether this receiver has to act. What a sender does wrong is no error of the span.
        is_ours: bool,
    }

    impl<'a> End<'a> {
        fn of(outcome: &Outcome<'a>) -> Option<Self> {
            let end = |is_ours, status| {
                Some(Self { outcome: outcome.as_str(), status, is_error: is_ours, is_ours })
            };
            match outcome {
                Outcome::Rejected { rejection } => Some(Self::rejected(rejection)),
                // The rejection in the response follows.
                Outcome::HandlerFailed {
                    status: Some(_),
                    error: Some(_),
                    in_background: false,
                    ..
                } => None,
                Outcome::HandlerFailed { status, .. } => end(true, *status),
                Outcome::HandlerPanicked { .. }
                | Outcome::HandlerTimedOut { .. }
                | Outcome::EventFailed { .. }
                | Outcome::NotCommitted => end(true, None),
                Outcome::HandlerSucceeded { .. } | Outcome::HandshakeAnswered => end(false, None),
                _ => None,
            }
        }

        fn rejected(rejection: &'a Rejection) -> Self {
            let is_ours = !matches!(rejection.fault(), None | Some(Fault::Sender | Fault::Network));
            Self {
                outcome: rejection.as_str(),
                status: Some(rejection.status()),
                is_error: rejection.fault().is_some(),
                is_ours,
            }
        }

        fn record(&self, span: &tracing::Span) {
            span.record("outcome", self.outcome);
            if let Some(status) = self.status {
                span.record("http.response.status_code", status);
            }
            if self.is_error {
                span.record("error.type", self.outcome);
            }
            if self.is_ours {
                span.record("otel.status_code", "ERROR");
            }
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod imp {
    #[cfg(feature = "queue")]
    use crate::DeliveryId;
    use crate::dedupe::EventName;
    use crate::delivery::Scope;
    #[cfg(any(feature = "tower", feature = "actix"))]
    use crate::receive::Head;

    #[derive(Debug, Clone)]
    pub(crate) struct Span;

    #[allow(clippy::unused_self, reason = "the functions have the signatures of the real ones")]
    impl Span {
        #[cfg(any(feature = "tower", feature = "actix"))]
        pub(crate) fn of_request(_: Option<&Scope>, _: &impl Head) -> Self {
            Self
        }

        pub(crate) fn of_event(_: &Scope, _: &EventName) -> Self {
            Self
        }

        #[cfg(feature = "queue")]
        pub(crate) fn of_entry(
            _: &Scope,
            _: &DeliveryId,
            _: Option<&EventName>,
            _: Option<&str>,
        ) -> Self {
            Self
        }

        pub(crate) fn current() -> Self {
            Self
        }

        pub(crate) fn wrap<F: Future>(&self, future: F) -> F {
            future
        }

        pub(crate) fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
            work()
        }
    }
}
