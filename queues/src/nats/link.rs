//! The connection. The client restores it. This checks the configuration again each time, and makes puts fail
//! at once in between: the client would keep them until it is connected, and the sender waits for its response.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State as Connection;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::error::one_line;
use super::{NatsError, NatsOptions};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often the configuration is checked: an administrator can change it at any time.
const LOOK: Duration = Duration::from_secs(60);
/// A connection on which two of these are not answered is dead.
const PING: Duration = Duration::from_secs(5);
/// How many confirmations are waited for at a time.
const IN_FLIGHT: usize = 1024;

/// The limit of the stream for a message, or why there is no connection.
type State = Result<Option<usize>, String>;

/// A connection that is restored until this is dropped.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) context: Context,
    pub(super) limit: Duration,
    state: watch::Receiver<State>,
    changed: Changed,
    task: JoinHandle<()>,
}

/// How often there was a reason to look at the configuration.
type Changed = Arc<watch::Sender<u64>>;

impl Link {
    /// Connects, and creates or checks the streams.
    pub(super) async fn connect(options: &NatsOptions) -> Result<Self, NatsError> {
        let (changed, watched) = watch::channel(0);
        let changed = Arc::new(changed);
        let (sender, state) = watch::channel(Err(ENDED.to_owned()));
        let sender = Arc::new(sender);
        let client = open(options, Arc::clone(&changed), Arc::clone(&sender)).await?;
        let limit = options.timeout;
        let builder = ContextBuilder::new().timeout(limit).ack_timeout(limit);
        let context = builder.max_ack_inflight(IN_FLIGHT).build(client.clone());
        let declared = options.declare(&context).await?;
        let _ = sender.send_replace(Ok(declared.largest));
        let supervisor =
            Supervisor { options: options.clone(), context: context.clone(), state: sender };
        let task = tokio::spawn(supervisor.run(client.clone(), watched));
        Ok(Self { client, context, limit, state, changed, task })
    }

    /// Whether there is a connection to a server whose configuration was found good.
    pub(super) fn check(&self) -> Result<(), NatsError> {
        self.state.borrow().as_ref().map_err(|text| NatsError::Disconnected(text.clone()))?;
        match self.client.connection_state() {
            Connection::Connected => Ok(()),
            _ => Err(NatsError::Disconnected(ENDED.to_owned())),
        }
    }

    /// The most bytes of a message, headers and body together.
    pub(super) fn largest(&self) -> usize {
        let server = self.client.max_payload();
        match *self.state.borrow() {
            Ok(Some(stream)) => server.min(stream),
            _ => server,
        }
    }

    /// Has the configuration checked now. Somebody may have deleted a stream.
    pub(super) fn look(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Waits until there is one.
    pub(super) async fn wait(&self) {
        let mut state = self.state.clone();
        while self.check().is_err() {
            // The client's own state changes without notice.
            let _ = timeout(FIRST_PAUSE, state.changed()).await;
        }
    }

    /// Waits until there is none.
    pub(super) async fn ended(&self) -> NatsError {
        let mut state = self.state.clone();
        loop {
            if let Err(error) = self.check() {
                return error;
            }
            let _ = timeout(FIRST_PAUSE, state.changed()).await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const ENDED: &str = "the connection has ended";

struct Supervisor {
    options: NatsOptions,
    context: Context,
    state: Arc<watch::Sender<State>>,
}

impl Supervisor {
    async fn run(self, client: Client, mut changes: watch::Receiver<u64>) {
        loop {
            // Not at once: each put into a full stream asks for it.
            sleep(FIRST_PAUSE).await;
            let _ = timeout(LOOK, changes.changed()).await;
            let mut pause = FIRST_PAUSE;
            loop {
                let _ = changes.borrow_and_update();
                let found = match client.connection_state() {
                    Connection::Connected => self.look().await,
                    _ => Err(ENDED.to_owned()),
                };
                let is_good = found.is_ok();
                let _ = self.state.send_replace(found);
                if is_good {
                    break;
                }
                let _ = timeout(pause, changes.changed()).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    async fn look(&self) -> State {
        let limit = self.options.timeout * 4;
        match timeout(limit, self.options.declare(&self.context)).await {
            Ok(declared) => declared.map(|found| found.largest).map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {limit:?}")),
        }
    }
}

async fn open(
    options: &NatsOptions,
    changed: Changed,
    state: Arc<watch::Sender<State>>,
) -> Result<Client, NatsError> {
    let connecting = ConnectOptions::new()
        .name(&options.name)
        .connection_timeout(options.timeout)
        .request_timeout(Some(options.timeout))
        .ping_interval(PING)
        .require_tls(options.servers.iter().any(ServerAddr::tls_required))
        // A server announces others before TLS has shown who it is. The client would send them the password,
        // without TLS, and take their confirmations.
        .ignore_discovered_servers()
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            let doubled = u32::try_from(attempts).unwrap_or(u32::MAX).min(8);
            (FIRST_PAUSE * 2_u32.pow(doubled)).min(LONGEST_PAUSE)
        })
        .event_callback(move |event| {
            // Otherwise puts would go into a stream that was good before, and was not checked again.
            if matches!(event, Event::Disconnected | Event::Closed) {
                let _ = state.send_replace(Err(ENDED.to_owned()));
            }
            if matches!(event, Event::Connected | Event::Disconnected | Event::Closed) {
                changed.send_modify(|count| *count += 1);
            }
            std::future::ready(())
        });
    let connecting = options.login.clone().apply(connecting).connect(options.servers.clone());
    let limit = options.timeout * 4;
    // A task of its own, because the client panics if the server wants TLS and this build has none.
    let connected = timeout(limit, tokio::spawn(connecting)).await;
    let connected =
        connected.map_err(|_| NatsError::Unreachable(format!("no answer within {limit:?}")))?;
    connected
        .map_err(|_| {
            if cfg!(feature = "nats-tls") {
                NatsError::Unreachable("the client has panicked".to_owned())
            } else {
                NatsError::NoTls
            }
        })?
        .map_err(|error| NatsError::Unreachable(one_line(&error)))
}
