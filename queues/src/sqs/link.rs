//! The queues as they are configured, which is checked again from time to time. There is no connection to
//! restore: the client makes one for each request that needs it.

use std::sync::Arc;

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
    /// As they were when they were last found and lost nothing.
    queues: Arc<Queues>,
    /// What somebody has changed since then, and has to change again.
    refusal: Option<SqsError>,
}

impl Link {
    pub(super) async fn connect(options: &SqsOptions) -> Result<Self, SqsError> {
        let api = Api::new(options);
        let queues = Arc::new(Queues::find(&api, options).await?);
        let (sender, state) = watch::channel(State { queues, refusal: None });
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

    /// Waits until somebody changes a queue so that it would lose entries.
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

async fn supervise(api: Api, options: SqsOptions, state: watch::Sender<State>) {
    loop {
        sleep(options.recheck).await;
        match Queues::find(&api, &options).await {
            Ok(queues) => {
                let queues = Arc::new(queues);
                drop(state.send_replace(State { queues, refusal: None }));
            }
            Err(error) if error.is_configuration() => {
                state.send_modify(|state| state.refusal = Some(error));
            }
            // It says nothing about the configuration.
            Err(_) => {}
        }
    }
}
