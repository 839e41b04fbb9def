//! Log lines and spans, if the feature `tracing` is on; nothing at all otherwise.

pub(crate) use imp::{Span, missing_layer, observer};

#[cfg(feature = "tracing")]
mod imp {
    use std::sync::Arc;

    use tracing::{Instrument, warn};

    use super::super::Observer;
    use super::super::log_lines::LogLines;
    use crate::Rejection;
    use crate::text::LOG_TARGET;

    /// The observer that writes log lines.
    #[allow(clippy::unnecessary_wraps, reason = "without the feature there is none")]
    pub(crate) fn observer() -> Option<Arc<dyn Observer>> {
        Some(Arc::new(LogLines::default()))
    }

    /// An extractor was used without the layer it needs, so that no layer sees its rejection.
    pub(crate) fn missing_layer(rejection: &Rejection) {
        let status = rejection.status();
        warn!(target: LOG_TARGET, status, reason = %rejection, "rejected");
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
    use std::sync::Arc;

    use super::super::Observer;
    use crate::Rejection;

    pub(crate) fn observer() -> Option<Arc<dyn Observer>> {
        None
    }

    pub(crate) fn missing_layer(_: &Rejection) {}

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
