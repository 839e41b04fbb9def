use std::fmt;
use std::sync::Arc;

use super::{Outcome, Timer, log, metrics};
use crate::DeliveryId;
use crate::delivery::Scope;
use crate::panic::catch;

/// A receiver of everything that happens to requests, to count it, log it or alert on it.
///
/// Both layers take any number of observers in their options. A closure is an observer:
///
/// ```
/// use nevent_webhooks::observe::{Observation, Outcome};
/// use nevent_webhooks::{DedupeLayer, DedupeOptions, store::MemoryStore};
///
/// let alert = |observation: &Observation<'_>| {
///     if let Outcome::HandlerFailed { status, .. } = observation.outcome {
///         eprintln!("{:?} failed with {status:?}", observation.delivery_id);
///     }
/// };
/// let options = DedupeOptions::new().observer(alert);
/// let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), options)?;
/// # Ok::<(), nevent_webhooks::OptionsError>(())
/// ```
///
/// The layers call an observer on the thread that handles the request, so it must be quick and must
/// not block. If it panics, the panic is ignored. To let one observer see both layers, give each
/// layer a clone of it.
pub trait Observer: Send + Sync + 'static {
    /// Called with each outcome.
    fn observe(&self, observation: &Observation<'_>);
}

impl<F: Fn(&Observation<'_>) + Send + Sync + 'static> Observer for F {
    fn observe(&self, observation: &Observation<'_>) {
        self(observation);
    }
}

/// One outcome, and the delivery or event that it happened to.
///
/// ```
/// use nevent_webhooks::observe::Observation;
///
/// fn count(observation: &Observation<'_>) {
///     let scope = observation.scope.map_or("-", |scope| scope.as_str());
///     println!("outcomes{{scope={scope:?},outcome={:?}}} +1", observation.outcome.as_str());
/// }
/// # let _ = nevent_webhooks::DedupeOptions::new().observer(count);
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Observation<'a> {
    /// The outcome.
    pub outcome: Outcome<'a>,
    /// The endpoint's scope. Outcomes of `VerifyLayer` have one if its options set it.
    pub scope: Option<&'a Scope>,
    /// The name of the sender's scheme, such as `nevent`, or of a `TokenLayer`'s sender, once the
    /// request is known to be genuine. `None` for entries of a queue.
    pub scheme: Option<&'a str>,
    /// The delivery's id as it was sent, once the request is known to be genuine.
    pub delivery_id: Option<&'a DeliveryId>,
    /// The event's id as the sender wrote it, for an event of a batch. It may be long and contain
    /// line breaks: shorten and escape it before you write it to a log.
    pub event_id: Option<&'a str>,
    /// The event's type as the sender wrote it. For an event of a batch it comes from the signed
    /// body, otherwise from the `X-Nevent-Event` header, which is not signed.
    pub event_type: Option<&'a str>,
    /// Whether the events of the delivery have claims of their own, and so outcomes.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) is_split: bool,
}

/// What kind of layer tells of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerKind {
    /// It decides whether a request is forwarded.
    Checks,
    /// It runs the handler once.
    Deduplication,
    /// It does so for the entries of a queue.
    #[cfg_attr(not(feature = "queue"), allow(dead_code))]
    Consumer,
}

/// The observers of a layer.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    /// These observers, after one that writes log lines if the feature `tracing` is on, and one that
    /// counts if the feature `metrics` is. Each layer has its own. Otherwise, while one layer's store
    /// fails, the lines about another layer's store would be left out.
    pub(crate) fn with_built_in(self, kind: LayerKind) -> Self {
        let built_in = log::observer().into_iter().chain(metrics::observer(kind));
        Self(built_in.chain(self.0).collect())
    }

    pub(crate) fn add(&mut self, observer: Arc<dyn Observer>) {
        self.0.push(observer);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn start_timer(&self) -> Timer {
        Timer::start(!self.is_empty())
    }

    /// Tells each observer. A panic is caught, otherwise it would end the delivery and keep the other
    /// observers from the outcome.
    pub(crate) fn observe(&self, observation: &Observation<'_>) {
        for observer in &self.0 {
            let _ = catch(|| observer.observe(observation));
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}
