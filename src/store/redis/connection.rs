//! The connection to the server, which all commands share.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{RedisOptions, RedisSource};

/// At least this long between two tries to connect.
const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
/// And so much longer, at most, if nobody waits; doubled from one to the next.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a command waits for a new connection: some tries, for a command that
/// waits hastens the next.
const LONGEST_WAIT: Duration = Duration::from_millis(150);

/// A connection that is replaced in the background when it breaks, or no longer
/// answers. While there is none, commands fail rather than queue up.
///
/// (The `redis` crate's own `ConnectionManager` knows no Sentinel, keeps a
/// connection that does not answer, and lets commands wait while it reconnects.)
#[derive(Debug)]
pub(super) struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: RedisSource,
    connect_timeout: Duration,
    command_timeout: Duration,
    state: watch::Sender<State>,
    /// Told by a command that waits.
    wanted: Notify,
    reconnecting: Mutex<Option<AbortHandle>>,
}

#[derive(Debug)]
struct State {
    /// Which connection this is, so that each is given up once.
    number: u64,
    current: Result<Multiplexed, RedisError>,
}

#[derive(Clone)]
pub(super) enum Multiplexed {
    /// To one server.
    Node(MultiplexedConnection),
    /// To all servers of a Cluster; replaces its own connections.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects, in one try.
    pub(super) async fn open(
        source: RedisSource,
        options: &RedisOptions,
    ) -> Result<Self, RedisError> {
        let current = source.connect(options.connect_timeout).await?;
        Ok(Self(Arc::new(Inner {
            source,
            connect_timeout: options.connect_timeout,
            command_timeout: options.command_timeout,
            state: watch::Sender::new(State { number: 0, current: Ok(current) }),
            wanted: Notify::new(),
            reconnecting: Mutex::default(),
        })))
    }

    pub(super) fn source(&self) -> &RedisSource {
        &self.0.source
    }

    pub(super) fn is_to_a_cluster(&self) -> bool {
        matches!(self.0.current(), Ok((_, Multiplexed::Cluster(_))))
    }

    /// Sends a command that may take effect twice, and waits for its answer.
    ///
    /// If the connection turns out to be broken, it is sent once more over the
    /// next: whether it had arrived is not known.
    pub(super) async fn query(&self, command: &Cmd) -> Result<Value, RedisError> {
        let deadline = Instant::now() + self.0.command_timeout;
        let first = self.0.ask(command, deadline).await;
        match first {
            Err(error) if is_broken(&error) && !error.is_timeout() => {
                self.0.ask(command, deadline).await
            }
            answer => answer,
        }
    }
}

/// Whether another connection could do better: it is lost, it is silent, or its
/// server is no longer the master.
fn is_broken(error: &RedisError) -> bool {
    let read_only = ErrorKind::Server(ServerErrorKind::ReadOnly);
    error.is_unrecoverable_error() || error.is_timeout() || error.kind() == read_only
}

impl Inner {
    async fn ask(self: &Arc<Self>, command: &Cmd, deadline: Instant) -> Result<Value, RedisError> {
        let (number, current) = self.connected(deadline).await?;
        if let Multiplexed::Cluster(_) = current {
            let answer = timeout_at(deadline, current.send(command)).await;
            return answer.unwrap_or_else(|_| Err(self.too_slow()));
        }
        let waiting = Waiting::on(self, number);
        let answer = timeout_at(deadline, current.send(command)).await;
        waiting.end();
        let answer = answer.unwrap_or_else(|_| Err(self.too_slow()));
        if let Err(error) = &answer
            && is_broken(error)
        {
            self.give_up(number, error);
        }
        answer
    }

    async fn connected(
        self: &Arc<Self>,
        deadline: Instant,
    ) -> Result<(u64, Multiplexed), RedisError> {
        if let Ok(current) = self.current() {
            return Ok(current);
        }
        let mut state = self.state.subscribe();
        self.reconnect();
        self.wanted.notify_one();
        let wait = deadline.min(Instant::now() + LONGEST_WAIT);
        let _ = timeout_at(wait, state.wait_for(|state| state.current.is_ok())).await;
        self.current()
    }

    fn current(&self) -> Result<(u64, Multiplexed), RedisError> {
        let state = self.state.borrow();
        state.current.clone().map(|current| (state.number, current))
    }

    fn give_up(self: &Arc<Self>, number: u64, error: &RedisError) {
        let given_up = self.state.send_if_modified(|state| {
            let is_current = state.number == number && state.current.is_ok();
            if is_current {
                state.current = Err(error.clone());
            }
            is_current
        });
        if given_up {
            self.reconnect();
        }
    }

    /// Sees to it that one task is connecting. (The last one may have ended with
    /// its runtime.)
    fn reconnect(self: &Arc<Self>) {
        let mut task = self.reconnecting.lock().unwrap_or_else(PoisonError::into_inner);
        let at_work = task.as_ref().is_some_and(|task| !task.is_finished());
        // What waits may be dropped outside of any runtime.
        if let Ok(runtime) = Handle::try_current()
            && !at_work
            && self.state.borrow().current.is_err()
        {
            *task = Some(runtime.spawn(reconnect(Arc::downgrade(self))).abort_handle());
        }
    }

    fn too_slow(&self) -> RedisError {
        let message = format!("no answer within {:?}", self.command_timeout);
        io::Error::new(io::ErrorKind::TimedOut, message).into()
    }
}

async fn reconnect(inner: Weak<Inner>) {
    let mut pause = SHORTEST_PAUSE;
    while let Some(inner) = inner.upgrade() {
        let current = inner.source.connect(inner.connect_timeout).await;
        let connected = current.is_ok();
        inner.state.send_modify(|state| {
            state.number += u64::from(connected);
            state.current = current;
        });
        if connected {
            return;
        }
        sleep(SHORTEST_PAUSE).await;
        let _ = timeout(pause, inner.wanted.notified()).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Somebody waits for an answer. Dropped before its end, by a caller less patient
/// than we are, it says as much of the connection as our own patience would.
struct Waiting<'a> {
    inner: &'a Arc<Inner>,
    number: u64,
    since: Instant,
    ended: bool,
}

/// Who goes sooner than this has other reasons.
const PATIENT_ENOUGH: Duration = Duration::from_millis(100);

impl<'a> Waiting<'a> {
    fn on(inner: &'a Arc<Inner>, number: u64) -> Self {
        Self { inner, number, since: Instant::now(), ended: false }
    }

    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.ended && self.since.elapsed() >= PATIENT_ENOUGH {
            self.inner.give_up(self.number, &self.inner.too_slow());
        }
    }
}

impl Multiplexed {
    async fn send(self, command: &Cmd) -> Result<Value, RedisError> {
        match self {
            Self::Node(mut node) => node.req_packed_command(command).await,
            Self::Cluster(mut cluster) => cluster.req_packed_command(command).await,
        }?
        .extract_error()
    }
}

impl std::fmt::Debug for Multiplexed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Node(_) => "Node",
            Self::Cluster(_) => "Cluster",
        })
    }
}
