//! The queues as they are configured, which is checked again from time to time. There is no connection to
//! restore: the client makes one for each request that needs it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::api::Api;
use super::check::Queues;
use super::{SqsError, SqsOptions};

/// The client, with a task that checks the queues until this is dropped.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) api: Api,
    state: watch::Receiver<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone)]
struct State {
    /// As they were when they were last found.
    queues: Arc<Queues>,
    /// What somebody has to change, because it would lose entries.
    refusal: Option<SqsError>,
}

impl State {
    fn of((queues, refusal): (Queues, Option<SqsError>)) -> Self {
        Self { queues: Arc::new(queues), refusal }
    }
}

impl Link {
    /// Also if the queues would lose entries: a worker or a tool can save those that are there.
    pub(super) async fn connect(options: &SqsOptions) -> Result<Self, SqsError> {
        let api = Api::new(options);
        let (sender, state) = watch::channel(State::of(Queues::find(&api, options).await?));
        let task = tokio::spawn(supervise(api.clone(), options.clone(), sender));
        Ok(Self { api, state, task })
    }

    /// The queues, for entries that are in them already.
    pub(super) fn queues(&self) -> Arc<Queues> {
        Arc::clone(&self.state.borrow().queues)
    }

    /// The queues, unless they would lose a new entry.
    pub(super) fn safe_queues(&self) -> Result<Arc<Queues>, SqsError> {
        let State { queues, refusal } = self.state.borrow().clone();
        refusal.map_or(Ok(queues), Err)
    }

    /// What would lose entries.
    pub(super) fn refusal(&self) -> Option<SqsError> {
        self.state.borrow().refusal.clone()
    }

    /// Waits until a check finds that a queue would lose entries.
    pub(super) async fn refused(&self) -> SqsError {
        let mut state = self.state.clone();
        state.mark_unchanged();
        loop {
            // The supervisor lives as long as `self`.
            if state.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if let Some(refusal) = state.borrow_and_update().refusal.clone() {
                return refusal;
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The time between two checks while each delivery is answered 503.
const REFUSED: Duration = Duration::from_secs(5);

async fn supervise(api: Api, options: SqsOptions, state: watch::Sender<State>) {
    loop {
        let is_refused = state.borrow().refusal.is_some();
        sleep(if is_refused { options.recheck.min(REFUSED) } else { options.recheck }).await;
        match Queues::find(&api, &options).await {
            Ok(found) => drop(state.send_replace(State::of(found))),
            Err(error) if error.is_configuration() => {
                state.send_modify(|state| state.refusal = Some(error));
            }
            // It says nothing about the configuration.
            Err(_) => {}
        }
    }
}
