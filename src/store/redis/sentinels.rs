//! Finding the master that Sentinels name.

mod view;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, ErrorKind, RedisError};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use self::view::{View, choose};
use super::RedisOptions;
use super::node::{Node, NodeConnection};
use super::tls::Certificates;
use crate::deadline::deadline;

pub(super) use self::view::Master;

/// How long the other Sentinels may take once the first has answered. The Sentinel that
/// leads a failover knows about it before the others do.
const GRACE: Duration = Duration::from_millis(100);

/// Sentinels, the master that they watch, and how to connect to it.
pub(super) struct Sentinels {
    pub(super) nodes: Vec<Node>,
    pub(super) service: String,
    /// The servers' user, database and transport. The Sentinels name the address.
    pub(super) server: ConnectionInfo,
    pub(super) certificates: Certificates,
}

impl Sentinels {
    /// Connects to the master in the newest configuration that any Sentinel knows.
    pub(super) async fn connect(
        self: &Arc<Self>,
        options: &RedisOptions,
    ) -> Result<(NodeConnection, Master), RedisError> {
        let master = self.master(options).await?;
        let node = Node::at(self.server_at(&master), &self.certificates)?;
        let mut connection = node.connect().await?;
        // A user without the permission for this command learns it from the first write.
        let info = connection.send(redis::cmd("INFO").arg("replication")).await;
        let info = info.and_then(|info| Ok(redis::from_redis_value::<String>(info)?));
        if info.is_ok_and(|info| info.contains("role:slave")) {
            return Err(error("the Sentinels name a server that is a replica"));
        }
        Ok((connection, master))
    }

    /// Returns the master in the newest configuration that any Sentinel knows.
    pub(super) async fn master(
        self: &Arc<Self>,
        options: &RedisOptions,
    ) -> Result<Master, RedisError> {
        choose(self.views(options.connect_timeout).await?)
    }

    async fn views(self: &Arc<Self>, timeout: Duration) -> Result<Vec<View>, RedisError> {
        let mut asked = JoinSet::new();
        for node in &self.nodes {
            let (this, node) = (Arc::clone(self), node.clone());
            asked.spawn(async move { this.view(&node).await });
        }
        let (mut views, mut failed) = (Vec::new(), None);
        let mut until = deadline(Instant::now(), timeout);
        while let Ok(Some(answer)) = timeout_at(until, asked.join_next()).await {
            match answer {
                Ok(Ok(view)) => {
                    until = until.min(deadline(Instant::now(), GRACE));
                    views.push(view);
                }
                Ok(Err(error)) => failed = Some(error),
                Err(_) => {}
            }
        }
        if views.is_empty() {
            let silent = || io::Error::new(io::ErrorKind::TimedOut, "no Sentinel answered").into();
            return Err(failed.unwrap_or_else(silent));
        }
        Ok(views)
    }

    /// Asks one Sentinel, over a connection of its own.
    pub(super) async fn view(&self, sentinel: &Node) -> Result<View, RedisError> {
        let mut connection = sentinel.connect().await?;
        let ask = |what: &str| {
            let mut command = redis::cmd("SENTINEL");
            command.arg(what).arg(&self.service);
            command
        };
        let fields = connection.send(&ask("MASTER")).await.map_err(explained)?;
        // This names the new master as soon as it is promoted. `SENTINEL MASTER` names it
        // only when all replicas follow it.
        let address = connection.send(&ask("GET-MASTER-ADDR-BY-NAME")).await?;
        let (fields, address) =
            (redis::from_redis_value(fields)?, redis::from_redis_value(address)?);
        Ok(View::of(&fields, address))
    }

    fn server_at(&self, Master { host, port, .. }: &Master) -> ConnectionInfo {
        let (host, port) = (host.clone(), *port);
        let address = match self.server.addr().clone() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        self.server.clone().set_addr(address)
    }
}

/// The error while a replica is being promoted.
pub(super) fn failover_in_progress() -> RedisError {
    error("a failover is under way")
}

fn error(text: &str) -> RedisError {
    io::Error::other(text).into()
}

/// Puts a Sentinel's error in terms of the URL.
fn explained(refused: RedisError) -> RedisError {
    let text = refused.to_string();
    if text.contains("No such master") || text.contains("unknown command") {
        let what = "no master of this name, or no Sentinel";
        return (ErrorKind::MasterNameNotFoundBySentinel, what).into();
    }
    if text.contains("uthentication") || text.contains("NOAUTH") {
        return error("a Sentinel asks for a password of its own");
    }
    refused
}
