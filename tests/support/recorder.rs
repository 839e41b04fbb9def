use std::sync::{Arc, Mutex};

use nevent_webhooks::observe::{Observation, Observer, Outcome};

/// An observer that writes down what it is told.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Observed>>>);

/// One observation, as far as the tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The outcome's name, and what tells two of the same name apart.
    pub outcome: String,
    pub scope: Option<String>,
    pub scheme: Option<String>,
    pub delivery: Option<String>,
    pub event: Option<String>,
    pub event_type: Option<String>,
}

impl Recorder {
    /// All observations so far.
    pub fn all(&self) -> Vec<Observed> {
        self.0.lock().expect("no panic while locked").clone()
    }

    /// The outcomes so far, without the calls of the store that succeeded.
    pub fn outcomes(&self) -> Vec<String> {
        let outcomes = self.all().into_iter().map(|observed| observed.outcome);
        outcomes.filter(|outcome| !outcome.starts_with("store_answered")).collect()
    }

    /// The outcomes since this was last called.
    pub fn take(&self) -> Vec<String> {
        let outcomes = self.outcomes();
        self.0.lock().expect("no panic while locked").clear();
        outcomes
    }
}

impl Observer for Recorder {
    fn observe(&self, of: &Observation<'_>) {
        let detail = match of.outcome {
            Outcome::Rejected { rejection, .. } => format!(" {}", rejection.status()),
            Outcome::Duplicate { in_flight: true, .. } => " in flight".to_owned(),
            Outcome::Replay { first_id, .. } => format!(" of {first_id}"),
            Outcome::HandlerFailed { status, error, .. } => {
                let status = status.map(|status| status.to_string());
                format!(" {}", status.as_deref().or(error).unwrap_or("without a status"))
            }
            Outcome::MovedToBackground { cause, .. } => format!(" {}", cause.as_str()),
            Outcome::StoreAnswered { operation, .. } | Outcome::StoreFailed { operation, .. } => {
                format!(" {}", operation.as_str())
            }
            Outcome::StoreRecovered { failures, .. } => format!(" after {failures}"),
            Outcome::EventUnreadable { position, .. } => format!(" at {position}"),
            _ => String::new(),
        };
        let background = match of.outcome {
            Outcome::HandlerSucceeded { in_background, .. }
            | Outcome::HandlerFailed { in_background, .. }
            | Outcome::HandlerPanicked { in_background, .. } => in_background,
            _ => false,
        };
        let background = if background { " in the background" } else { "" };
        self.0.lock().expect("no panic while locked").push(Observed {
            outcome: format!("{}{detail}{background}", of.outcome.as_str()),
            scope: of.scope.map(|scope| scope.as_str().to_owned()),
            scheme: of.scheme.map(str::to_owned),
            delivery: of.delivery_id.map(ToString::to_string),
            event: of.event_id.map(str::to_owned),
            event_type: of.event_type.map(str::to_owned),
        });
    }
}
