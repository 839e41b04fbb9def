//! The master that Sentinels name.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

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

/// A master's address, and the configuration epoch in which it became the master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Master {
    host: String,
    port: u16,
    epoch: u64,
}

/// One Sentinel's view of the master.
#[derive(Debug)]
pub(super) struct View {
    master: Master,
    is_down: bool,
    /// A replica is about to become the master, or has just become it and the Sentinel does
    /// not know yet. Writes to the old master are lost from then on.
    is_promoting: bool,
}

impl Sentinels {
    /// Connects to the master in the newest configuration that any Sentinel knows.
    pub(super) async fn connect(
        self: &Arc<Self>,
        options: &RedisOptions,
    ) -> Result<(MultiplexedConnection, Master), RedisError> {
        let master = choose(self.views(options.connect_timeout).await?)?;
        let client = self.certificates.client(self.server_at(&master))?;
        let mut node = node::connect(&client).await?;
        // A user who may not ask learns the same from the first write.
        let info = redis::cmd("INFO").arg("replication").query_async::<String>(&mut node).await;
        if info.is_ok_and(|info| info.contains("role:slave")) {
            return Err(error("the Sentinels name a server that is a replica"));
        }
        Ok((node, master))
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

impl View {
    fn of(fields: &HashMap<String, String>, (host, port): (String, u16)) -> Self {
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        Self {
            master: Master { host, port, epoch: field("config-epoch").parse().unwrap_or(0) },
            is_down: field("flags").contains("_down"),
            is_promoting: matches!(
                field("failover-state"),
                "send_slaveof_noone" | "wait_promotion"
            ),
        }
    }

    /// Whether a connection to this master is to be given up.
    pub(super) fn outdates(&self, master: &Master) -> bool {
        let Master { host, port, epoch } = &self.master;
        let is_another = (host, port) != (&master.host, &master.port);
        self.is_promoting || (is_another && *epoch > master.epoch)
    }
}

/// Of Sentinels that do not agree, the newest configuration is right: an isolated Sentinel
/// goes on naming a master that was replaced.
fn choose(views: Vec<View>) -> Result<Master, RedisError> {
    if views.iter().any(|view| view.is_promoting) {
        return Err(failover());
    }
    match views.into_iter().max_by_key(|view| (view.master.epoch, !view.is_down)) {
        Some(view) if !view.is_down => Ok(view.master),
        _ => Err(error("the Sentinels find the master down, and have not yet named another")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn view(host: &str, epoch: &str, flags: &str, state: &str) -> View {
        let fields = [("config-epoch", epoch), ("flags", flags), ("failover-state", state)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        View::of(&HashMap::from(fields), (host.to_owned(), 6379))
    }

    #[track_caller]
    fn chosen(views: Vec<View>, host: &str) {
        assert_eq!(choose(views).expect("a master").host, host);
    }

    #[test]
    fn the_newest_configuration_is_right() {
        let (old, new) = (|| view("old", "9", "master", ""), || view("new", "10", "master", ""));
        chosen(vec![old(), new()], "new");
        chosen(vec![new(), old(), old()], "new");
        let leading = view("new", "10", "master,failover_in_progress", "reconf_slaves");
        chosen(vec![old(), leading, old()], "new");
    }

    #[test]
    fn a_master_that_one_sentinel_cannot_reach_may_be_up() {
        let down = || view("a", "1", "s_down,master", "");
        chosen(vec![down(), view("a", "1", "master", "")], "a");
        let error = choose(vec![down()]).expect_err("down").to_string();
        assert!(error.contains("find the master down"), "{error}");
    }

    #[test]
    fn there_is_no_master_while_a_replica_is_promoted() {
        for (state, refused) in [
            ("select_slave", false),
            ("send_slaveof_noone", true),
            ("wait_promotion", true),
            ("reconf_slaves", false),
        ] {
            let view = || view("a", "1", "master,failover_in_progress", state);
            assert_eq!(choose(vec![view()]).is_err(), refused, "{state}");
            let current = Master { host: "a".to_owned(), port: 6379, epoch: 1 };
            assert_eq!(view().outdates(&current), refused, "{state}");
        }
    }

    #[test]
    fn a_connection_is_given_up_for_a_newer_master_only() {
        let current = Master { host: "a".to_owned(), port: 6379, epoch: 5 };
        for (host, epoch, outdated) in
            [("b", "6", true), ("b", "4", false), ("b", "5", false), ("a", "6", false)]
        {
            let view = view(host, epoch, "master", "");
            assert_eq!(view.outdates(&current), outdated, "{host} {epoch}");
        }
    }
}
