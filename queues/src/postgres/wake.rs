//! `NOTIFY` from receivers to workers. It only saves time: workers ask for entries anyway.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, future, stream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::AsyncMessage;
use tokio_postgres::types::Type;

use super::database::{Commit, Database, config_of};
use super::{PostgresError, PostgresOptions, tls};
use crate::pause::{FIRST_PAUSE, LONGEST_PAUSE};

/// The channel of all queues. The payload is the queue's name.
const CHANNEL: &str = "nevent_webhooks_entries";
/// Between two notifications of one receiver.
const GAP: Duration = Duration::from_millis(10);

/// Sends notifications in the background until it is dropped.
///
/// Not in the transaction of a put: `PostgreSQL` commits transactions that notify one after the other,
/// and each would wait for the disk alone.
#[derive(Debug)]
pub(super) struct Waker {
    put: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Waker {
    pub(super) fn start(database: Arc<Database>, queue: String) -> Self {
        let put = Arc::new(Notify::new());
        let task = tokio::spawn(send(database, queue, Arc::clone(&put)));
        Self { put, task }
    }

    /// Wakes the workers soon.
    pub(super) fn wake(&self) {
        self.put.notify_one();
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn send(database: Arc<Database>, queue: String, put: Arc<Notify>) {
    loop {
        put.notified().await;
        // If it fails, the workers find the entry when they ask.
        let _ = wake_workers(&database, &queue).await;
        sleep(GAP).await;
    }
}

pub(super) async fn wake_workers(database: &Database, queue: &str) -> Result<(), PostgresError> {
    let parameters = [(&CHANNEL as _, Type::TEXT), (&queue as _, Type::TEXT)];
    database.query(Commit::Soon, "SELECT pg_notify($1, $2)", &parameters).await.map(drop)
}

/// Listens for notifications until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    is_woken: Arc<Notify>,
    task: Option<JoinHandle<()>>,
}

impl Listener {
    pub(super) fn start(options: &PostgresOptions) -> Self {
        let is_woken = Arc::new(Notify::new());
        let listening = || listen_again_and_again(options.clone(), Arc::clone(&is_woken));
        let task = options.listens.then(|| tokio::spawn(listening()));
        Self { is_woken, task }
    }

    /// Completes when an entry was put since the last time.
    pub(super) async fn woken(&self) {
        self.is_woken.notified().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn listen_again_and_again(options: PostgresOptions, woken: Arc<Notify>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(()) = listen(&options, &woken).await {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens until the connection ends. An error if it could not be opened in time.
async fn listen(options: &PostgresOptions, woken: &Notify) -> Result<(), PostgresError> {
    let failed = |_| PostgresError::Url;
    let too_slow = |_| PostgresError::Url;
    let (config, connector) = (config_of(options), tls::connector(options)?);
    let connecting = timeout(options.timeout, config.connect(connector));
    let (client, mut connection) = connecting.await.map_err(too_slow)?.map_err(failed)?;
    let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
    let listen = format!("LISTEN {CHANNEL}");
    let listening = async {
        let answered = timeout(options.timeout, client.batch_execute(&listen));
        answered.await.map_err(too_slow)?.map_err(failed)?;
        // What was put meanwhile has notified nobody.
        woken.notify_one();
        Ok(())
    };
    // It owns the messages: when they end, so does the wait for the answer.
    let forwarding = async move {
        while let Some(Ok(message)) = messages.next().await {
            match message {
                AsyncMessage::Notification(put) if put.payload() == options.queue => {
                    woken.notify_one();
                }
                _ => {}
            }
        }
        Ok(())
    };
    future::try_join(listening, forwarding).await.map(drop)
}
