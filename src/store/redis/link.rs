//! The way to the server: one connection that all commands share.

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
const GRACE: Duration = Duration::from_millis(150);

/// A connection that is replaced in the background when it breaks, or no longer
/// answers. While there is none, commands fail rather than queue up.
///
/// (The `redis` crate's own `ConnectionManager` knows no Sentinel, keeps a
/// connection that does not answer, and lets commands wait while it reconnects.)
#[derive(Debug)]
pub(super) struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: RedisSource,
    connect_timeout: Duration,
    command_timeout: Duration,
    state: watch::Sender<State>,
    /// Told by a command that waits.
    wanted: Notify,
    redialling: Mutex<Option<AbortHandle>>,
}

#[derive(Debug)]
struct State {
    /// Which connection this is, so that each is given up once.
    number: u64,
    line: Result<Line, RedisError>,
}

#[derive(Clone)]
pub(super) enum Line {
    /// To one server.
    Node(MultiplexedConnection),
    /// To all servers of a cluster; replaces its own connections.
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects, in one try.
    pub(super) async fn dial(
        source: RedisSource,
        options: &RedisOptions,
    ) -> Result<Self, RedisError> {
        let line = source.dial(options.connect_timeout).await?;
        Ok(Self(Arc::new(Inner {
            source,
            connect_timeout: options.connect_timeout,
            command_timeout: options.command_timeout,
            state: watch::Sender::new(State { number: 0, line: Ok(line) }),
            wanted: Notify::new(),
            redialling: Mutex::default(),
        })))
    }

    pub(super) fn source(&self) -> &RedisSource {
        &self.0.source
    }

    /// Sends a command that may take effect twice, and waits for its answer.
    ///
    /// If the connection turns out to be broken, it is sent once more over the
    /// next: whether it had arrived is not known.
    pub(super) async fn query(&self, command: &Cmd) -> Result<Value, RedisError> {
        let deadline = Instant::now() + self.0.command_timeout;
        let mut tried = false;
        loop {
            let (number, line) = self.0.line().await?;
            let renewable = matches!(line, Line::Node(_));
            let wait = renewable.then(|| Wait::new(&self.0, number));
            let answer = timeout_at(deadline, line.send(command)).await;
            if let Some(wait) = wait {
                wait.end();
            }
            let error = match answer.unwrap_or_else(|_| Err(self.0.too_slow())) {
                Err(error) if renewable && is_broken(&error) => error,
                answer => return answer,
            };
            self.0.give_up(number, &error);
            if tried || error.is_timeout() {
                return Err(error);
            }
            tried = true;
        }
    }
}

/// A wait for an answer. Dropped before its end, by a caller less patient than we
/// are, it says as much of the connection as our own patience would.
struct Wait<'a> {
    inner: &'a Arc<Inner>,
    number: u64,
    since: Instant,
    ended: bool,
}

/// Who gives up sooner than this has other reasons.
const IMPATIENCE: Duration = Duration::from_millis(100);

impl<'a> Wait<'a> {
    fn new(inner: &'a Arc<Inner>, number: u64) -> Self {
        Self { inner, number, since: Instant::now(), ended: false }
    }

    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if !self.ended && self.since.elapsed() >= IMPATIENCE {
            self.inner.give_up(self.number, &self.inner.too_slow());
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
    async fn line(self: &Arc<Self>) -> Result<(u64, Line), RedisError> {
        if let Ok(line) = self.current() {
            return Ok(line);
        }
        let mut state = self.state.subscribe();
        self.redial();
        self.wanted.notify_one();
        let _ = timeout(GRACE, state.wait_for(|state| state.line.is_ok())).await;
        self.current()
    }

    fn current(&self) -> Result<(u64, Line), RedisError> {
        let state = self.state.borrow();
        state.line.clone().map(|line| (state.number, line))
    }

    fn give_up(self: &Arc<Self>, number: u64, error: &RedisError) {
        let given_up = self.state.send_if_modified(|state| {
            let current = state.number == number && state.line.is_ok();
            if current {
                state.line = Err(error.clone());
            }
            current
        });
        if given_up {
            self.redial();
        }
    }

    /// Sees to it that one task is connecting. (The last one may have ended with
    /// its runtime.)
    fn redial(self: &Arc<Self>) {
        let mut redialling = self.redialling.lock().unwrap_or_else(PoisonError::into_inner);
        let at_work = redialling.as_ref().is_some_and(|task| !task.is_finished());
        // A wait may be dropped outside of any runtime.
        if let Ok(runtime) = Handle::try_current()
            && !at_work
            && self.state.borrow().line.is_err()
        {
            *redialling = Some(runtime.spawn(redial(Arc::downgrade(self))).abort_handle());
        }
    }

    fn too_slow(&self) -> RedisError {
        let message = format!("no answer within {:?}", self.command_timeout);
        io::Error::new(io::ErrorKind::TimedOut, message).into()
    }
}

async fn redial(inner: Weak<Inner>) {
    let mut pause = SHORTEST_PAUSE;
    while let Some(inner) = inner.upgrade() {
        let line = inner.source.dial(inner.connect_timeout).await;
        let connected = line.is_ok();
        inner.state.send_modify(|state| {
            state.number += u64::from(connected);
            state.line = line;
        });
        if connected {
            return;
        }
        sleep(SHORTEST_PAUSE).await;
        let _ = timeout(pause, inner.wanted.notified()).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl Line {
    async fn send(self, command: &Cmd) -> Result<Value, RedisError> {
        match self {
            Self::Node(mut node) => node.req_packed_command(command).await,
            Self::Cluster(mut cluster) => cluster.req_packed_command(command).await,
        }?
        .extract_error()
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Node(_) => "Node",
            Self::Cluster(_) => "Cluster",
        })
    }
}
