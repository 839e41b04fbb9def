//! The connection, and its restoration. The client's own recovery is not used: a put must fail at once
//! while there is no connection, because the sender waits for its response.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::{BasicProperties, Connection, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::error::one_line;
use super::publisher::Session;
use super::{RabbitMqError, RabbitMqOptions};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often to look at the connection, should its end be reported late.
const LOOK: Duration = Duration::from_secs(1);

type State = Result<Arc<Session>, String>;

/// A connection that a task of its own restores until this is dropped.
#[derive(Debug)]
pub(super) struct Link {
    state: watch::Receiver<State>,
    task: JoinHandle<()>,
}

impl Link {
    /// Connects, and declares the queues.
    pub(super) async fn connect(options: &RabbitMqOptions) -> Result<Self, RabbitMqError> {
        let session = open(options).await?;
        let (sender, state) = watch::channel(Ok(Arc::clone(&session)));
        let task = tokio::spawn(supervise(options.clone(), session, sender));
        Ok(Self { state, task })
    }

    /// The session, or why there is none at the moment.
    pub(super) fn session(&self) -> Result<Arc<Session>, RabbitMqError> {
        let state = self.state.borrow().clone();
        let session = state.map_err(RabbitMqError::Disconnected)?;
        if session.connection.status().connected() {
            Ok(session)
        } else {
            Err(RabbitMqError::Disconnected("the connection has ended".to_owned()))
        }
    }

    /// Publishes a message into one of the queues. If somebody has deleted the queue, this attempt fails,
    /// and the next one finds the queue again.
    pub(super) async fn publish(
        &self,
        options: &RabbitMqOptions,
        queue: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<(), RabbitMqError> {
        let session = self.session()?;
        let published = session.publish(queue, properties, body).await;
        if let Err(RabbitMqError::Returned(_)) = published {
            let limit = options.timeout * 4;
            let declared = timeout(limit, options.declare(&session.connection)).await;
            declared.unwrap_or(Err(RabbitMqError::TimedOut(limit)))?;
        }
        published
    }

    /// Waits for a session.
    pub(super) async fn wait(&self) -> Arc<Session> {
        let mut state = self.state.clone();
        loop {
            if let Ok(session) = self.session() {
                return session;
            }
            // The supervisor lives as long as `self`.
            let _ = timeout(LOOK, state.changed()).await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn supervise(options: RabbitMqOptions, first: Arc<Session>, state: watch::Sender<State>) {
    let mut session = first;
    loop {
        let reason = ended(&session.connection).await;
        drop(session);
        let _ = state.send_replace(Err(reason));
        session = restore(&options, &state).await;
        let _ = state.send_replace(Ok(Arc::clone(&session)));
    }
}

/// Waits for the end of the connection, and returns its reason.
async fn ended(connection: &Connection) -> String {
    let mut events = connection.events_listener();
    let mut reason = "the connection has ended".to_owned();
    while connection.status().connected() {
        match timeout(LOOK, events.next()).await {
            Ok(Some(Event::Error(error))) => reason = one_line(&error),
            Ok(None) => break,
            Ok(Some(_)) | Err(_) => {}
        }
    }
    reason
}

/// Connects, however often it takes.
async fn restore(options: &RabbitMqOptions, state: &watch::Sender<State>) -> Arc<Session> {
    let mut pause = FIRST_PAUSE;
    loop {
        match open(options).await {
            Ok(session) => return session,
            Err(error) => drop(state.send_replace(Err(error.to_string()))),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn open(options: &RabbitMqOptions) -> Result<Arc<Session>, RabbitMqError> {
    let opening = async {
        let properties =
            ConnectionProperties::default().with_connection_name(options.name.as_str().into());
        let connection = Connection::connect_uri(options.uri.clone(), properties).await;
        let connection = connection.map_err(|e| RabbitMqError::Unreachable(one_line(&e)))?;
        options.declare(&connection).await?;
        Ok(Arc::new(Session::new(connection, options.timeout)))
    };
    // Declarations of several queues take the broker longer than one message.
    let limit = options.timeout * 4;
    timeout(limit, opening)
        .await
        .unwrap_or_else(|_| Err(RabbitMqError::Unreachable(format!("no answer within {limit:?}"))))
}
