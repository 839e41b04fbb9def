//! Redis Streams: the queue is in the Redis that holds the receiver's records.
//!
//! One script puts the entry into the stream and completes the delivery's claim. So an entry is in the
//! stream exactly once, whatever crashes. The worker takes entries as a member of a consumer group, and
//! acknowledges and deletes each when it is done.
//!
//! | part | is |
//! | --- | --- |
//! | [`RedisStreams`] | the server, checked: it refuses one that would lose entries |
//! | [`RedisStreamsQueue`] | the queue for `hand_over` |
//! | [`RedisStreamsWorker`] | runs [`Once`](nevent_webhooks::queue::Once) for each entry, with retries and dead letters |
//! | [`RedisDeadLetters`] | lists dead letters, and replays them |
//!
//! One server, Redis 7.0 or later, or Valkey. A Cluster and Sentinels are refused: the worker speaks to
//! one server.
//!
//! # Keys
//!
//! All have the scope as their hash tag.
//!
//! | key | type | holds |
//! | --- | --- | --- |
//! | `{scope}:queue` | stream | entries that wait or are in flight: `envelope`, and `attempts` after a retry |
//! | `{scope}:queue:delayed` | sorted set | entries that wait for a retry, by the time when they are due |
//! | `{scope}:queue:dead` | stream | dead letters, which expire |

mod check;
mod connection;
mod dead;
mod deliveries;
mod entry;
mod error;
mod keys;
mod options;
mod patience;
mod queue;
mod scripts;
mod settle;
mod stop;
mod take;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nevent_webhooks::store::{RedisStore, Scope};
use redis::Client;
use redis::aio::MultiplexedConnection;

use self::connection::Connection;
pub use self::dead::RedisDeadLetters;
pub use self::error::RedisStreamsError;
use self::keys::Keys;
pub use self::options::RedisStreamsOptions;
pub use self::queue::RedisStreamsQueue;
use self::scripts::Scripts;
pub use self::worker::RedisStreamsWorker;

/// A Redis server that holds the receiver's records and the queue. Clones share its connections.
///
/// ```no_run
/// use nevent_webhooks_queues::redis_streams::RedisStreams;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = RedisStreams::connect("redis://localhost:6379").await?;
/// let (queue, store) = (redis.queue(), redis.store());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStreams(Arc<Shared>);

struct Shared {
    store: RedisStore,
    client: Client,
    connection: Connection,
    options: RedisStreamsOptions,
    scripts: Scripts,
    /// Whether it was not checked yet, or would have lost entries at the last check: then its append-only
    /// file may only be being switched on.
    is_suspect: AtomicBool,
}

impl RedisStreams {
    /// Connects to the server at a URL, such as `redis://user:password@host:6379/0`, and checks it.
    ///
    /// # Errors
    ///
    /// [`RedisStreamsError`]: the server cannot be reached, or would lose entries as it is configured.
    pub async fn connect(url: &str) -> Result<Self, RedisStreamsError> {
        Self::open(url, RedisStreamsOptions::new()).await
    }

    /// Connects with options, which may allow a server that loses entries.
    ///
    /// # Errors
    ///
    /// As for [`RedisStreams::connect`].
    pub async fn open(url: &str, options: RedisStreamsOptions) -> Result<Self, RedisStreamsError> {
        // A URL for the store alone, such as a Cluster's, is refused here.
        let client = connection::client(url).map_err(RedisStreamsError::Url)?;
        let server = client.get_connection_info().addr().to_string();
        let store = RedisStore::connect(url).await?;
        let connection = Connection::open(client.clone()).await;
        let connection =
            connection.map_err(|source| RedisStreamsError::Failed { server, source })?;
        let scripts = Scripts::new();
        let is_suspect = AtomicBool::new(true);
        let shared = Shared { store, client, connection, options, scripts, is_suspect };
        let shared = Self(Arc::new(shared));
        shared.ready().await?;
        Ok(shared)
    }

    /// Checks again that the server can be reached and loses nothing, for a readiness probe.
    ///
    /// # Errors
    ///
    /// As for [`RedisStreams::connect`].
    pub async fn ready(&self) -> Result<(), RedisStreamsError> {
        let (server, is_suspect) = (self.server(), &self.0.is_suspect);
        let suspected = is_suspect.load(Ordering::Relaxed);
        let mut connection = self.connection();
        let number = connection.number();
        let checked = check::check(&server, self.0.options, suspected, &mut connection).await;
        match &checked {
            Ok(()) => is_suspect.store(false, Ordering::Relaxed),
            Err(RedisStreamsError::LosesEntries { .. }) => {
                is_suspect.store(true, Ordering::Relaxed);
            }
            // After a failover, the same address leads to another server.
            Err(RedisStreamsError::Unsuitable { .. }) => connection.give_up(number),
            Err(_) => {}
        }
        checked
    }

    /// The store for the receiver's `DedupeLayer`. With another store no entry can be put.
    #[must_use]
    pub fn store(&self) -> RedisStore {
        self.0.store.clone()
    }

    /// The queue for `hand_over`.
    #[must_use]
    pub fn queue(&self) -> RedisStreamsQueue {
        RedisStreamsQueue::new(self.clone())
    }

    /// A worker for the entries of this scope, which is that of the receiver's layer.
    pub fn worker(&self, scope: &Scope) -> RedisStreamsWorker {
        RedisStreamsWorker::new(self.clone(), Keys::of(scope))
    }

    /// The dead letters of this scope.
    #[must_use]
    pub fn dead_letters(&self, scope: &Scope) -> RedisDeadLetters {
        RedisDeadLetters::new(self.clone(), Keys::of(scope))
    }

    /// The number of entries that wait, are in flight, or wait for a retry. Dead letters do not count.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or does not answer.
    pub async fn depth(&self, scope: &Scope) -> Result<u64, RedisStreamsError> {
        let keys = Keys::of(scope);
        let mut both = redis::pipe();
        both.cmd("XLEN").arg(&keys.queue).cmd("ZCARD").arg(&keys.delayed);
        let answer = both.query_async::<(u64, u64)>(&mut self.connection()).await;
        let (queued, delayed) = answer.map_err(|source| self.failed(source))?;
        Ok(queued.saturating_add(delayed))
    }

    fn connection(&self) -> Connection {
        self.0.connection.clone()
    }

    /// A connection for answers that may be large or late, which would hold up every other command of the
    /// shared one.
    async fn own_connection(&self) -> redis::RedisResult<MultiplexedConnection> {
        self.0.connection.another().await
    }

    fn scripts(&self) -> &Scripts {
        &self.0.scripts
    }

    fn server(&self) -> String {
        self.0.client.get_connection_info().addr().to_string()
    }

    fn failed(&self, source: redis::RedisError) -> RedisStreamsError {
        RedisStreamsError::Failed { server: self.server(), source }
    }
}

impl fmt::Debug for RedisStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStreams").field(&self.server()).finish()
    }
}
