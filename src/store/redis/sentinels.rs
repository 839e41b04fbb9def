//! The master that Sentinels name.

mod view;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

pub(super) use self::view::Master;
use self::view::{View, choose};
use super::tls::Certificates;
use super::{RedisOptions, node};
use crate::deadline::deadline;

/// How long the other Sentinels may take once the first has answered. The Sentinel that
/// leads a failover knows of it before the others do.
const GRACE: Duration = Duration::from_millis(100);

/// Sentinels, the master that they watch, and how to connect to it.
pub(super) struct Sentinels {
    pub(super) clients: Vec<Client>,
    pub(super) service: String,
    /// User, database and transport of the servers. The Sentinels name the address.
    pub(super) server: ConnectionInfo,
    pub(super) certificates: Certificates,
}

impl Sentinels {
    /// Connects to the master in the newest configuration that any Sentinel knows.
    pub(super) async fn connect(
        self: &Arc<Self>,
        options: &RedisOptions,
    ) -> Result<(MultiplexedConnection, Master), RedisError> {
        let master = self.master(options).await?;
        let client = self.certificates.client(self.server_at(&master))?;
        let mut node = node::connect(&client).await?;
        // A user who may not ask learns the same from the first write.
        let info = redis::cmd("INFO").arg("replication").query_async::<String>(&mut node).await;
        if info.is_ok_and(|info| info.contains("role:slave")) {
            return Err(error("the Sentinels name a server that is a replica"));
        }
        Ok((node, master))
    }

    /// The master in the newest configuration that any Sentinel knows.
    pub(super) async fn master(
        self: &Arc<Self>,
        options: &RedisOptions,
    ) -> Result<Master, RedisError> {
        choose(self.views(options.connect_timeout).await?)
    }

    async fn views(self: &Arc<Self>, patience: Duration) -> Result<Vec<View>, RedisError> {
        let mut asked = JoinSet::new();
        for client in &self.clients {
            let (this, client) = (Arc::clone(self), client.clone());
            asked.spawn(async move { this.view(&client).await });
        }
        let (mut views, mut failed) = (Vec::new(), None);
        let mut until = deadline(Instant::now(), patience);
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
    pub(super) async fn view(&self, sentinel: &Client) -> Result<View, RedisError> {
        let mut connection = node::connect(sentinel).await?;
        let ask = |what: &str| {
            let mut command = redis::cmd("SENTINEL");
            command.arg(what).arg(&self.service);
            command
        };
        let fields = ask("MASTER").query_async(&mut connection).await.map_err(explained)?;
        // Names the new master as soon as it is promoted; `SENTINEL MASTER` names it only
        // when all replicas follow it.
        let address = ask("GET-MASTER-ADDR-BY-NAME").query_async(&mut connection).await?;
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

pub(super) fn failover() -> RedisError {
    error("a failover is under way")
}

fn error(text: &str) -> RedisError {
    io::Error::other(text).into()
}

/// A Sentinel's error, in terms of the URL.
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
