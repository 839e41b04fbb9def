use super::Rejection;
#[cfg(feature = "tracing")]
use crate::VerifyError;

/// Whose fault a rejection is, and therefore who has to act.
///
/// ```
/// use nevent_webhooks::{Fault, Rejection};
///
/// fn alert(rejection: &Rejection) {
///     match rejection.fault() {
///         Some(Fault::Store | Fault::Overload) => eprintln!("page the operator: {rejection}"),
///         Some(Fault::Handler | Fault::Configuration) => eprintln!("a bug: {rejection}"),
///         _ => {} // The sender retries, or an attacker gave up.
///     }
/// }
/// # alert(&Rejection::HandlerPanicked);
/// ```
///
/// | fault | rejections |
/// | --- | --- |
/// | `Sender` | `Signature`, `SignatureForbidden`, `Token`, `TokenForbidden`, `UnknownTenant`, `UnknownTenantForbidden`, `PayloadTooLarge`, `OuterBodyLimit`, `UnsupportedContentEncoding`, `DeliveryId`, `MalformedChallenge`, `CreationTime`, `CreationTimeForbidden`, `DeliveryIdConflict`, `Event`, `TooManyEvents`, `EventTypeMismatch`, `SourceForbidden`, `InClear` |
/// | `Network` | `UnreadableBody`, `BodyTimeout`, `OuterBodyTimeout` |
/// | `Overload` | `BodyBudgetExhausted`, `TooManyInFlight` |
/// | `Store` | `StoreUnavailable` |
/// | `Queue` | `QueueUnavailable` |
/// | `Handler` | `HandlerPanicked`, `StillProcessing`, `NotCommitted`, `BatchIncomplete` |
/// | `Configuration` | `TwoVerifyLayers`, `MissingVerifyLayer`, `MissingDedupeLayer`, `TwoTokenLayers`, `MissingTokenLayer`, `NotSigned`, `UnknownPeer`, `LateSourceLayer` |
/// | the one that its `CompleteError` says | `NotCompleted` |
/// | none | `AlreadyProcessed`, `DeliveryInProgress` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The request is wrong as it was sent. Anyone can send such requests. If genuine deliveries are
    /// rejected for this reason, check the receiver's secret and clock first.
    Sender,
    /// The body did not arrive whole and in time.
    Network,
    /// The receiver has more work, or holds more unverified bytes, than its limits allow.
    Overload,
    /// The store failed or did not respond in time.
    Store,
    /// The queue did not confirm a delivery, or not in time.
    #[cfg(feature = "queue")]
    Queue,
    /// The handler panicked, is too slow, did not commit its transaction, or did not finish all events of
    /// a batch.
    Handler,
    /// The layers are missing or combined wrongly.
    Configuration,
}

impl Fault {
    /// A stable name in `snake_case`, for counters and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Network => "network",
            Self::Overload => "overload",
            Self::Store => "store",
            #[cfg(feature = "queue")]
            Self::Queue => "queue",
            Self::Handler => "handler",
            Self::Configuration => "configuration",
        }
    }
}

impl Rejection {
    /// Whose fault the rejection is: see the table at [`Fault`]. `None` if nothing is wrong,
    /// as with a repeat of a delivery that was already processed.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        Some(match self {
            Self::Signature(_)
            | Self::SignatureForbidden(_)
            | Self::UnknownTenant
            | Self::UnknownTenantForbidden
            | Self::PayloadTooLarge { .. }
            | Self::OuterBodyLimit { .. }
            | Self::UnsupportedContentEncoding
            | Self::DeliveryId(_)
            | Self::MalformedChallenge
            | Self::CreationTime(_)
            | Self::CreationTimeForbidden(_)
            | Self::DeliveryIdConflict
            | Self::TooManyEvents { .. }
            | Self::EventTypeMismatch { .. } => Fault::Sender,
            #[cfg(any(feature = "events", feature = "schemes"))]
            Self::Event(_) => Fault::Sender,
            #[cfg(feature = "schemes")]
            Self::Token(_) | Self::TokenForbidden(_) => Fault::Sender,
            #[cfg(feature = "source")]
            Self::SourceForbidden { .. } | Self::InClear => Fault::Sender,
            #[cfg(feature = "source")]
            Self::UnknownPeer | Self::LateSourceLayer => Fault::Configuration,
            Self::UnreadableBody { .. }
            | Self::BodyTimeout { .. }
            | Self::OuterBodyTimeout { .. } => Fault::Network,
            Self::BodyBudgetExhausted { .. } | Self::TooManyInFlight { .. } => Fault::Overload,
            Self::StoreUnavailable { .. } => Fault::Store,
            #[cfg(feature = "queue")]
            Self::QueueUnavailable { .. } => Fault::Queue,
            Self::NotCompleted { fault, .. } => *fault,
            Self::HandlerPanicked
            | Self::StillProcessing
            | Self::NotCommitted
            | Self::BatchIncomplete { .. } => Fault::Handler,
            Self::TwoVerifyLayers | Self::MissingVerifyLayer | Self::MissingDedupeLayer => {
                Fault::Configuration
            }
            #[cfg(feature = "schemes")]
            Self::TwoTokenLayers | Self::MissingTokenLayer | Self::NotSigned => {
                Fault::Configuration
            }
            Self::AlreadyProcessed | Self::DeliveryInProgress { .. } => return None,
        })
    }

    /// Whether the log line is a warning: an authentic delivery was rejected, or the receiver failed.
    /// An attacker can cause all other rejections at will, and must not fill the log.
    #[cfg(feature = "tracing")]
    pub(crate) fn is_warning(&self) -> bool {
        match self {
            Self::Signature(error) | Self::SignatureForbidden(error) => matches!(
                error,
                VerifyError::TimestampTooOld { .. } | VerifyError::TimestampTooNew { .. }
            ),
            Self::DeliveryId(_)
            | Self::MalformedChallenge
            | Self::CreationTime(_)
            | Self::CreationTimeForbidden(_)
            | Self::DeliveryIdConflict
            | Self::TooManyEvents { .. }
            | Self::EventTypeMismatch { .. } => true,
            #[cfg(any(feature = "events", feature = "schemes"))]
            Self::Event(_) => true,
            _ => self.status() >= 500,
        }
    }
}
