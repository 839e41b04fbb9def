use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Handled, Once};

/// The user's handler behind `Once`, without their types.
#[derive(Clone)]
pub(crate) struct Handler(Arc<dyn Fn(Envelope) -> Running + Send + Sync>);

type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// How [`Once`] ended, as far as a queue has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    /// Another worker has the event, for so long.
    InProgress(Duration),
    /// The store failed, or too many handlers are running: the text says which.
    Refused(Option<String>),
    /// The handler ran, and failed in this way, with this error.
    Failed(&'static str, Option<String>),
}

impl Handler {
    pub(crate) fn new<H, F, T, E>(once: &Once, handler: H) -> Self
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let once = once.clone();
        Self(Arc::new(move |envelope| {
            let (once, handler) = (once.clone(), handler.clone());
            Box::pin(async move { Ended::of(&once.event(&envelope, handler).await) })
        }))
    }

    pub(crate) async fn run(&self, envelope: &Envelope) -> Ended {
        (self.0)(envelope.clone()).await
    }
}

impl Ended {
    fn of<T, E: Display>(handled: &Handled<T, E>) -> Self {
        match handled {
            Handled::Done(_) | Handled::AlreadyDone => Self::Done,
            Handled::InProgress { lease, .. } => Self::InProgress(*lease),
            Handled::Refused(rejection) => Self::Refused(text_of(rejection)),
            Handled::Failed(error) => Self::Failed(handled.as_str(), text_of(error)),
            failed => Self::Failed(failed.as_str(), None),
        }
    }
}

/// `None` if the error panics: the entry would stay in hand for ever.
fn text_of(error: &impl Display) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| error.to_string())).ok()
}
