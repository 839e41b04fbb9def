//! Log lines with the feature `tracing`. Without it, functions that do nothing.

#[cfg(feature = "schemes")]
pub(crate) use imp::handshake;
pub(crate) use imp::{missing_layer, observer};

#[cfg(feature = "tracing")]
mod imp {
    use std::sync::Arc;

    use tracing::warn;
    #[cfg(feature = "schemes")]
    use tracing::{debug, info};

    use super::super::Observer;
    use super::super::log_lines::LogLines;
    use crate::Rejection;
    use crate::text::LOG_TARGET;

    /// The observer that writes log lines.
    #[allow(clippy::unnecessary_wraps, reason = "`None` without the feature")]
    pub(crate) fn observer() -> Option<Arc<dyn Observer>> {
        Some(Arc::new(LogLines::default()))
    }

    /// Logs the rejection of an extractor that was used without its layer. No layer sees it.
    pub(crate) fn missing_layer(rejection: &Rejection) {
        let status = rejection.status();
        warn!(target: LOG_TARGET, status, reason = %rejection, "rejected");
    }

    /// Logs how a handshake ended that no layer sees. Anyone can send one that fails, and must not fill
    /// the log.
    #[cfg(feature = "schemes")]
    pub(crate) fn handshake(rejected: Option<(u16, &dyn std::fmt::Display)>) {
        match rejected {
            None => info!(target: LOG_TARGET, "a handshake was answered"),
            Some((status, reason)) => {
                debug!(target: LOG_TARGET, status, %reason, "a handshake was rejected");
            }
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

    #[cfg(feature = "schemes")]
    pub(crate) fn handshake(_: Option<(u16, &dyn std::fmt::Display)>) {}
}
