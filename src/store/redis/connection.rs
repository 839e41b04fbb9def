//! The connection to the server, which all commands share.

mod failover;
mod supervisor;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, RedisError, Value};
use tokio::time::Instant;

use self::supervisor::Supervisor;
use super::hint::{is_read_only, lacks_replicas};
use super::node::NodeConnection;
use super::{RedisOptions, RedisSource};
use crate::deadline::{by, deadline};

/// A connection that is replaced in the background when it breaks or no longer answers.
/// While there is none, commands fail rather than queue up.
///
/// The `redis` crate's own `ConnectionManager` is not used: it knows no Sentinels, keeps a
/// connection that does not answer, and lets commands wait while it reconnects.
pub(super) struct Connection {
    supervisor: Arc<Supervisor>,
}

#[derive(Clone)]
pub(super) enum Multiplexed {
    /// A connection to one server.
    Node(NodeConnection),
    /// The connections to all nodes of a Cluster. The `redis` crate replaces those that
    /// break.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects, in one attempt.
    pub(super) async fn open(
        source: RedisSource,
        options: RedisOptions,
    ) -> Result<Self, RedisError> {
        Ok(Self { supervisor: Supervisor::start(source, options).await? })
    }

    pub(super) fn source(&self) -> &RedisSource {
        &self.supervisor.source
    }

    pub(super) fn options(&self) -> &RedisOptions {
        &self.supervisor.options
    }

    /// Sends an idempotent command, and waits for its answer.
    ///
    /// If the connection turns out to be broken, the command is sent a second time over the
    /// next connection. Whether it arrived the first time is not known.
    pub(super) async fn query(&self, command: &Cmd) -> Result<Value, RedisError> {
        let answer_by = deadline(Instant::now(), self.options().command_timeout);
        match self.ask(command, answer_by).await {
            Err(error) if is_broken(&error) && !error.is_timeout() => {
                self.ask(command, answer_by).await
            }
            answer => answer,
        }
    }

    async fn ask(&self, command: &Cmd, answer_by: Instant) -> Result<Value, RedisError> {
        let (number, connection) = self.supervisor.connected(answer_by).await?;
        let waiting = Waiting::on(self, number);
        let answer = by(answer_by, pin!(connection.send(command))).await;
        waiting.end();
        let answer = answer.unwrap_or_else(|| Err(self.too_slow()));
        match &answer {
            Err(error) if is_broken(error) => self.supervisor.give_up(number, error),
            // A master that was cut off does not know that it was replaced. Sentinels do.
            Err(error) if self.source().is_behind_sentinels() && lacks_replicas(error) => {
                self.supervisor.answered(number);
                self.supervisor.suspect_master(number);
            }
            _ => self.supervisor.answered(number),
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

/// A caller that waits for an answer, and may give up before the command timeout.
struct Waiting<'a> {
    connection: &'a Connection,
    number: u64,
    since: Instant,
    ended: bool,
}

/// Callers that give up sooner than this are not evidence of a dead connection.
const PATIENT_ENOUGH: Duration = Duration::from_millis(100);
/// The connection is dead once so many callers in a row have given up without an answer.
/// One of them only shows that the server is slow.
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
        let supervisor = &self.connection.supervisor;
        if supervisor.left(self.number) >= ENOUGH_UNANSWERED {
            supervisor.give_up(self.number, &self.connection.too_slow());
        }
    }
}

impl Multiplexed {
    async fn send(self, command: &Cmd) -> Result<Value, RedisError> {
        match self {
            Self::Node(mut node) => node.send(command).await,
            Self::Cluster(mut cluster) => {
                cluster.req_packed_command(command).await?.extract_error()
            }
        }
    }
}
