//! The connection to the server, which all commands share.

mod follow;
mod upkeep;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, RedisError, Value};
use tokio::time::{Instant, timeout_at};

use self::upkeep::Upkeep;
use super::advice::{is_read_only, lacks_replicas};
use super::{RedisOptions, RedisSource};
use crate::deadline::deadline;

/// A connection that is replaced in the background when it breaks, or no longer
/// answers. While there is none, commands fail rather than queue up.
///
/// (The `redis` crate's own `ConnectionManager` knows no Sentinel, keeps a
/// connection that does not answer, and lets commands wait while it reconnects.)
pub(super) struct Connection {
    upkeep: Arc<Upkeep>,
}

#[derive(Clone)]
pub(super) enum Multiplexed {
    /// To one server.
    Node(MultiplexedConnection),
    /// To all servers of a Cluster; replaces those that break.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects, in one try.
    pub(super) async fn open(
        source: RedisSource,
        options: RedisOptions,
    ) -> Result<Self, RedisError> {
        Ok(Self { upkeep: Upkeep::of(source, options).await? })
    }

    pub(super) fn source(&self) -> &RedisSource {
        &self.upkeep.source
    }

    pub(super) fn options(&self) -> &RedisOptions {
        &self.upkeep.options
    }

    /// Sends a command that may take effect twice, and waits for its answer.
    ///
    /// If the connection turns out to be broken, it is sent once more, over the next
    /// if there is one: whether it had arrived is not known.
    pub(super) async fn query(&self, command: &Cmd) -> Result<Value, RedisError> {
        let answer_by = deadline(Instant::now(), self.options().command_timeout);
        match self.ask(command, answer_by).await {
            Err(error) if is_broken(&error) && !error.is_timeout() => {
                self.ask(command, answer_by).await
            }
            answer => answer,
        }
    }

    async fn ask(&self, command: &Cmd, deadline: Instant) -> Result<Value, RedisError> {
        let (number, connection) = self.upkeep.connected(deadline).await?;
        let waiting = Waiting::on(self, number);
        let answer = timeout_at(deadline, connection.send(command)).await;
        waiting.end();
        let answer = answer.unwrap_or_else(|_| Err(self.too_slow()));
        match &answer {
            Err(error) if is_broken(error) => self.upkeep.give_up(number, error),
            // A master that was cut off does not know that it was replaced; Sentinels do.
            Err(error) if self.source().is_behind_sentinels() && lacks_replicas(error) => {
                self.upkeep.answered(number);
                self.upkeep.doubt(number);
            }
            _ => self.upkeep.answered(number),
        }
        answer
    }

    fn too_slow(&self) -> RedisError {
        let message = format!("no answer within {:?}", self.options().command_timeout);
        io::Error::new(io::ErrorKind::TimedOut, message).into()
    }
}

/// Whether another connection could do better: this one is lost, it is silent, or its
/// server is no longer the master.
fn is_broken(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.is_timeout() || is_read_only(error)
}

/// Somebody waits for an answer, perhaps with less patience than we have.
struct Waiting<'a> {
    connection: &'a Connection,
    number: u64,
    since: Instant,
    ended: bool,
}

/// Who goes sooner than this has other reasons.
const PATIENT_ENOUGH: Duration = Duration::from_millis(100);
/// So many who went without an answer, and nobody who had one in between, say that
/// there are no answers. (One says no more than that the server is slow.)
const ENOUGH_UNANSWERED: u32 = 3;

impl<'a> Waiting<'a> {
    fn on(connection: &'a Connection, number: u64) -> Self {
        Self { connection, number, since: Instant::now(), ended: false }
    }

    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.ended || self.since.elapsed() < PATIENT_ENOUGH {
            return;
        }
        let upkeep = &self.connection.upkeep;
        if upkeep.left(self.number) >= ENOUGH_UNANSWERED {
            upkeep.give_up(self.number, &self.connection.too_slow());
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
