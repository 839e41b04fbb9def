//! The connection, and its restoration. The client's own recovery is not used: a put must fail at once
//! while there is no connection, because the sender waits for its response.

use std::sync::Arc;
use std::time::{Duration, Instant};

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
/// How many attempts to connect may be without an answer at a time.
const MOST_UNANSWERED: usize = 8;
/// While there are so many, the next attempt is made after this time. Otherwise a peer that is gone for good, and
/// so answers none of them, would be waited for when there is another one in its place.
const RARELY: Duration = Duration::from_secs(120);

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
        let mut unanswered = Unanswered::default();
        let session = open(options, &mut unanswered).await?;
        let (sender, state) = watch::channel(Ok(Arc::clone(&session)));
        let task = tokio::spawn(supervise(options.clone(), session, sender, unanswered));
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

async fn supervise(
    options: RabbitMqOptions,
    first: Arc<Session>,
    state: watch::Sender<State>,
    mut unanswered: Unanswered,
) {
    let mut session = first;
    loop {
        let reason = ended(&session.connection).await;
        drop(session);
        let _ = state.send_replace(Err(reason));
        session = restore(&options, &state, &mut unanswered).await;
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
async fn restore(
    options: &RabbitMqOptions,
    state: &watch::Sender<State>,
    unanswered: &mut Unanswered,
) -> Arc<Session> {
    let mut pause = FIRST_PAUSE;
    loop {
        let _ = timeout(RARELY, unanswered.are_few()).await;
        match open(options, unanswered).await {
            Ok(session) => return session,
            Err(error) => drop(state.send_replace(Err(error.to_string()))),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Attempts to connect that have had no answer in time. The client does not give them up when they are dropped:
/// each has a thread and a socket until the peer answers, or ends the connection.
#[derive(Default)]
struct Unanswered(Vec<JoinHandle<lapin::Result<Connection>>>);

impl Unanswered {
    /// Waits until there may be another one.
    async fn are_few(&mut self) {
        loop {
            self.0.retain(|attempt| !attempt.is_finished());
            if self.0.len() < MOST_UNANSWERED {
                return;
            }
            sleep(LOOK).await;
        }
    }
}

async fn open(
    options: &RabbitMqOptions,
    unanswered: &mut Unanswered,
) -> Result<Arc<Session>, RabbitMqError> {
    let properties =
        ConnectionProperties::default().with_connection_name(options.name.as_str().into());
    let mut connecting = tokio::spawn(Connection::connect_uri(options.uri.clone(), properties));
    // Declarations of several queues take the broker longer than one message.
    let (begun, limit) = (Instant::now(), options.timeout * 4);
    let late = || RabbitMqError::Unreachable(format!("no answer within {limit:?}"));
    let Ok(connected) = timeout(limit, &mut connecting).await else {
        unanswered.0.push(connecting);
        return Err(late());
    };
    let panicked = |_| RabbitMqError::Unreachable("the client has panicked".to_owned());
    let connection =
        connected.map_err(panicked)?.map_err(|e| RabbitMqError::Unreachable(one_line(&e)))?;
    let rest = limit.saturating_sub(begun.elapsed());
    timeout(rest, options.declare(&connection)).await.unwrap_or_else(|_| Err(late()))?;
    Ok(Arc::new(Session::new(connection, options.timeout)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The system accepts connections for a listener that does not.
    #[tokio::test]
    async fn a_peer_that_is_silent_gets_no_more_connections_than_a_few() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("amqp://{}/%2f", silent.local_addr().expect("an address"));
        let options = RabbitMqOptions::new(&url, "tickets").expect("a URL");
        let options = options.timeout(Duration::from_millis(50));
        let mut unanswered = Unanswered::default();
        for _ in 0..MOST_UNANSWERED {
            timeout(LOOK, unanswered.are_few()).await.expect("few");
            let error = open(&options, &mut unanswered).await.expect_err("a silent peer");
            assert!(error.to_string().contains("no answer within 200ms"), "{error}");
        }
        assert!(timeout(LOOK * 2, unanswered.are_few()).await.is_err());
        // Their connections end.
        drop(silent);
        timeout(LOOK * 10, unanswered.are_few()).await.expect("few");
    }
}
