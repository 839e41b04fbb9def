//! The connection that all commands with short answers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, RedisError, RedisFuture,
    RedisResult, ServerErrorKind, Value,
};

const CONNECT: Duration = Duration::from_secs(1);
/// Shorter than the time that a receiver has for its put, so that a put finds out.
const ANSWER: Duration = Duration::from_secs(2);
/// Keeps an idle connection known to firewalls.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Callers that give up sooner than this are not evidence of a dead connection.
const PATIENT_ENOUGH: Duration = Duration::from_millis(100);
/// The connection is dead once so many callers in a row have given up without an answer.
const ENOUGH_UNANSWERED: u32 = 3;

/// A connection that is replaced when it breaks or no longer answers. Clones share it.
///
/// The `redis` crate's own `ConnectionManager` keeps a connection that does not answer. If a firewall drops
/// it, every command would fail until the kernel gives it up.
#[derive(Clone)]
pub(super) struct Connection(Arc<Inner>);

struct Inner {
    client: Client,
    current: Mutex<Current>,
}

struct Current {
    /// So that each is given up only once.
    number: u64,
    opening: Opening,
    /// Callers that have given up since the last answer.
    unanswered: u32,
}

/// All callers wait for the same attempt to connect.
type Opening = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

pub(super) fn client(url: &str) -> RedisResult<Client> {
    let settings = TcpSettings::default().set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
    Client::open(url.into_connection_info()?.set_tcp_settings(settings))
}

impl Connection {
    pub(super) async fn open(client: Client) -> RedisResult<Self> {
        let opening = opening(&client);
        opening.clone().await?;
        let current = Mutex::new(Current { number: 0, opening, unanswered: 0 });
        Ok(Self(Arc::new(Inner { client, current })))
    }

    /// Another connection, for one caller. The caller limits how long an answer may take.
    pub(super) async fn another(&self) -> RedisResult<MultiplexedConnection> {
        connect(&self.0.client, None).await
    }

    fn wait(&self) -> Waiting<'_> {
        let current = self.current();
        let (number, opening) = (current.number, current.opening.clone());
        Waiting { connection: self, number, opening, since: Instant::now(), has_ended: false }
    }

    /// Waits until the connection is open.
    async fn opened(&self) -> RedisResult<(Waiting<'_>, MultiplexedConnection)> {
        let waiting = self.wait();
        match waiting.opening.clone().await {
            Ok(connection) => Ok((waiting, connection)),
            // Whatever the error is. This attempt has ended, and would answer every later command with it.
            Err(error) => {
                waiting.end(true);
                Err(error)
            }
        }
    }

    /// The number of the connection that the next command is sent on.
    pub(super) fn number(&self) -> u64 {
        self.current().number
    }

    /// The next command opens another connection, unless it does so anyway.
    pub(super) fn give_up(&self, number: u64) {
        let mut current = self.current();
        if current.number == number {
            let (number, opening) = (number.wrapping_add(1), opening(&self.0.client));
            *current = Current { number, opening, unanswered: 0 };
        }
    }

    /// Returns how many callers of this connection have given up in a row.
    fn count(&self, number: u64, change: impl FnOnce(u32) -> u32) -> u32 {
        let mut current = self.current();
        if current.number != number {
            return 0;
        }
        current.unanswered = change(current.unanswered);
        current.unanswered
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opening(client: &Client) -> Opening {
    let client = client.clone();
    async move { connect(&client, Some(ANSWER)).await }.boxed().shared()
}

async fn connect(client: &Client, answer: Option<Duration>) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT));
    let config = config.set_response_timeout(answer);
    client.get_multiplexed_async_connection_with_config(&config).await
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let (waiting, mut connection) = self.opened().await?;
            let answer = connection.req_packed_command(command).await;
            waiting.end(answer.as_ref().map_or_else(is_lost, refuses_writes));
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let (waiting, mut connection) = self.opened().await?;
            let answers = connection.req_packed_commands(commands, offset, count).await;
            let refuse_writes = |answers: &Vec<Value>| answers.iter().any(refuses_writes);
            waiting.end(answers.as_ref().map_or_else(is_lost, refuse_writes));
            answers
        })
    }

    fn get_db(&self) -> i64 {
        self.0.client.get_connection_info().redis_settings().db()
    }
}

/// A timeout is an I/O error, too.
fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

/// Whether it is the answer of a server that is no longer the master. It keeps its connections open, so
/// every command would fail until it is restarted.
fn refuses_writes(answer: &Value) -> bool {
    let Value::ServerError(error) = answer else { return false };
    matches!(error.kind(), Some(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown))
}

/// A caller that waits for an answer, and may give up before [`ANSWER`], as a put does at its deadline.
struct Waiting<'a> {
    connection: &'a Connection,
    number: u64,
    opening: Opening,
    since: Instant,
    has_ended: bool,
}

impl Waiting<'_> {
    /// With `is_broken`, another connection could do better.
    fn end(mut self, is_broken: bool) {
        self.has_ended = true;
        if is_broken {
            self.connection.give_up(self.number);
        } else {
            self.connection.count(self.number, |_| 0);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.has_ended || self.since.elapsed() < PATIENT_ENOUGH {
            return;
        }
        let unanswered = self.connection.count(self.number, |before| before.saturating_add(1));
        if unanswered >= ENOUGH_UNANSWERED {
            self.connection.give_up(self.number);
        }
    }
}
