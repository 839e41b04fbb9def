use std::net::SocketAddr;

use super::{Server, eventually};

/// A master with two replicas, and three sentinels that watch them.
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

/// The sentinels' name of the master.
pub const MASTER_NAME: &str = "mymaster";

/// The password of fenced servers.
pub const PASSWORD: &str = "sesame";

/// They notice more within a second than in a minute by themselves, and take a busy
/// machine for what it is.
const IN_A_HURRY: [&str; 10] = [
    "info-period",
    "500",
    "publish-period",
    "200",
    "ask-period",
    "200",
    "tilt-trigger",
    "20000",
    "min-link-reconnect-period",
    "500",
];

impl Sentinels {
    pub async fn start() -> Self {
        Self::with(&[], "").await.in_a_hurry().await.acquainted().await
    }

    /// With the timings that Sentinels have by default.
    pub async fn unhurried() -> Self {
        Self::with(&[], "").await.acquainted().await
    }

    /// A master that takes no writes without replicas, as `docs/redis.md` advises. It can be cut off
    /// from the others, and not from its clients, which need the [`PASSWORD`].
    pub async fn fenced() -> Self {
        let peer = "--user peer on nopass +@all ~* &* --masteruser peer --masterauth any \
                    --min-replicas-to-write 1 --requirepass";
        let peer: Vec<_> = peer.split_whitespace().chain([PASSWORD]).collect();
        let configuration = format!(
            "sentinel auth-user {MASTER_NAME} peer\nsentinel auth-pass {MASTER_NAME} any\n"
        );
        Self::with(&peer, &configuration).await.in_a_hurry().await.acquainted().await
    }

    /// The master hears no longer from the replicas and the sentinels, nor they from it.
    pub async fn isolate_master(&self) -> &Server {
        let master = self.master().await;
        master.command::<()>(&["ACL", "SETUSER", "peer", "off"]).await;
        master.command::<i64>(&["CLIENT", "KILL", "USER", "peer"]).await;
        master
    }

    /// Makes a replica the master, as before maintenance. Returns the old one.
    pub async fn plan_failover(&self) -> &Server {
        let master = self.master().await;
        self.sentinels[0].command::<()>(&["SENTINEL", "FAILOVER", MASTER_NAME]).await;
        master
    }

    async fn with(options: &[&str], more: &str) -> Self {
        let master = Server::with(options).await;
        let (one, two) = tokio::join!(master.replica(options), master.replica(options));
        let configuration = configuration(master.port()) + more;
        let (x, y, z) = tokio::join!(
            Server::sentinel(&configuration),
            Server::sentinel(&configuration),
            Server::sentinel(&configuration),
        );
        Self { servers: vec![master, one, two], sentinels: vec![x, y, z] }
    }

    async fn in_a_hurry(self) -> Self {
        for sentinel in &self.sentinels {
            // Sentinels before 7.0 cannot be hurried.
            let words = [&["SENTINEL", "DEBUG"], &IN_A_HURRY[..]].concat();
            let _ = sentinel.try_command::<redis::Value>(&words).await;
        }
        self
    }

    async fn acquainted(self) -> Self {
        eventually("the sentinels know each other", async || self.are_acquainted().await).await;
        self
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sentinels.iter().map(Server::address).collect()
    }

    /// The sentinels, to be killed and paused.
    pub fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// The master and the replicas, whatever they are at the moment.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The master that the first sentinel to answer names.
    pub async fn master(&self) -> &Server {
        for sentinel in &self.sentinels {
            if let Some(port) = master_port(sentinel).await {
                return self.servers.iter().find(|s| s.port() == port).expect("one of ours");
            }
        }
        panic!("no sentinel answers");
    }

    /// Kills the master, and says which it was.
    pub async fn kill_master(&self) -> &Server {
        let master = self.master().await;
        master.kill();
        master
    }

    /// Pauses the master, and says which it was.
    pub async fn pause_master(&self) -> &Server {
        let master = self.master().await;
        master.pause();
        master
    }

    /// Waits until the sentinels have made another than this the master.
    pub async fn have_replaced(&self, old: &Server) -> &Server {
        eventually("the sentinels agree on a new master", async || {
            self.agree_on_another_than(old.port()).await
        })
        .await;
        self.master().await
    }

    /// Waits until all three servers run as one: a master, and two that follow it.
    pub async fn are_whole(&self) {
        eventually("a master with two replicas", async || {
            let mut roles = [0, 0];
            for server in &self.servers {
                let info = server.try_command::<String>(&["INFO", "replication"]).await;
                let info = info.unwrap_or_default();
                roles[0] += u8::from(info.contains("role:master"));
                roles[1] += u8::from(info.contains("master_link_status:up"));
            }
            roles == [1, 2]
        })
        .await;
    }

    async fn agree_on_another_than(&self, old: u16) -> bool {
        let Some(first) = self.agreed_port().await else { return false };
        let Some(new) = self.servers.iter().find(|s| s.port() == first) else { return false };
        let info = new.try_command::<String>(&["INFO", "replication"]).await;
        first != old && info.is_ok_and(|info| info.contains("role:master"))
    }

    /// The port that all sentinels that answer name, if it is the same.
    async fn agreed_port(&self) -> Option<u16> {
        let mut agreed = None;
        for sentinel in &self.sentinels {
            let Some(port) = master_port(sentinel).await else { continue };
            if *agreed.get_or_insert(port) != port {
                return None;
            }
        }
        agreed
    }

    async fn are_acquainted(&self) -> bool {
        for sentinel in &self.sentinels {
            for who in ["SLAVES", "SENTINELS"] {
                let ask = ["SENTINEL", who, MASTER_NAME];
                if sentinel.command::<Vec<redis::Value>>(&ask).await.len() != 2 {
                    return false;
                }
            }
        }
        true
    }
}

async fn master_port(sentinel: &Server) -> Option<u16> {
    let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME];
    let (_, port) = sentinel.try_command::<(String, u16)>(&ask).await.ok()?;
    Some(port)
}

/// A busy machine may keep a server from answering for a second: that is no reason to
/// replace it, and to replace it twice would make the old one the master again.
fn configuration(master: u16) -> String {
    format!(
        "sentinel monitor {MASTER_NAME} 127.0.0.1 {master} 2\n\
         sentinel down-after-milliseconds {MASTER_NAME} 2500\n\
         sentinel failover-timeout {MASTER_NAME} 2000\n\
         sentinel parallel-syncs {MASTER_NAME} 1\n"
    )
}
