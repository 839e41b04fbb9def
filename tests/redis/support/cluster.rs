use futures_util::future::join_all;

use super::nodes::{Node, says};
use super::{Server, eventually};

const SLOTS: [std::ops::RangeInclusive<u16>; 3] = [0..=5460, 5461..=10922, 10923..=16383];

/// A replica takes over however long it has been without its master; a busy machine that
/// keeps a node from answering for a second has not lost it.
const OPTIONS: [&str; 4] =
    ["--cluster-node-timeout", "2500", "--cluster-replica-validity-factor", "0"];

/// Three masters, each with a replica.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more arguments of redis-server for each node.
    pub async fn with(more: &[&str]) -> Self {
        let options = [&OPTIONS, more].concat();
        let nodes = join_all((0..6).map(|_| Server::node(&options))).await;
        let this = Self { nodes };
        this.assign_slots().await;
        this.introduce().await;
        this.assign_replicas().await;
        this.is_settled().await;
        this
    }

    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    /// The master that holds this key at the moment, and can be written to.
    pub async fn master_of(&self, key: &str) -> &Server {
        let slot = self.slot_of(key).await;
        self.owner(slot).await.expect("a master of the slot")
    }

    /// Kills the master of this key, and says which it was.
    pub async fn kill_master_of(&self, key: &str) -> &Server {
        let master = self.master_of(key).await;
        master.kill();
        master
    }

    /// Waits until another than this is the master of the key, and all know.
    pub async fn has_replaced(&self, old: &Server, key: &str) -> &Server {
        let slot = self.slot_of(key).await;
        eventually("the replica is the master", async || {
            self.owner(slot).await.is_some_and(|owner| owner.port() != old.port())
        })
        .await;
        self.is_settled().await;
        self.master_of(key).await
    }

    /// Waits until all nodes that run agree and are content, and their replicas linked.
    pub async fn is_settled(&self) {
        eventually("the cluster is settled", async || {
            let mut agreed = None;
            for node in &self.nodes {
                let Some(masters) = Node::masters(node).await else { continue };
                if !is_content(node).await || *agreed.get_or_insert(masters.clone()) != masters {
                    return false;
                }
            }
            true
        })
        .await;
    }

    pub(super) async fn slot_of(&self, key: &str) -> u16 {
        for node in &self.nodes {
            if let Ok(slot) = node.try_command(&["CLUSTER", "KEYSLOT", key]).await {
                return slot;
            }
        }
        panic!("no node answers");
    }

    pub(super) async fn other_master_than(&self, master: &Server) -> &Server {
        for node in self.nodes.iter().filter(|node| node.port() != master.port()) {
            if Node::itself(node).await.is_some_and(|node| node.is_master) {
                return node;
            }
        }
        panic!("there is no other master");
    }

    /// The last node to become the slot's master, of all that claim to be.
    async fn owner(&self, slot: u16) -> Option<&Server> {
        let mut owner = None;
        for server in &self.nodes {
            let Some(node) = Node::itself(server).await else { continue };
            if node.owns(slot) && owner.is_none_or(|(epoch, _)| epoch < node.epoch) {
                owner = Some((node.epoch, server));
            }
        }
        owner.map(|(_, server)| server)
    }

    async fn assign_slots(&self) {
        for (epoch, node) in (1..).zip(&self.nodes) {
            // Else they would have to come to terms about who is the latest.
            let epoch = i32::to_string(&epoch);
            node.command::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await;
        }
        for (node, slots) in self.nodes.iter().zip(SLOTS) {
            let slots: Vec<_> = slots.map(|slot| slot.to_string()).collect();
            let words = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(|slot| &**slot));
            node.command::<()>(&words.collect::<Vec<_>>()).await;
        }
    }

    async fn introduce(&self) {
        for (index, node) in self.nodes.iter().enumerate() {
            let port = node.port().to_string();
            let bus = ["CONFIG", "GET", "cluster-port"];
            let (_, bus) = node.command::<(String, String)>(&bus).await;
            for other in &self.nodes[..index] {
                other.command::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
            }
        }
    }

    async fn assign_replicas(&self) {
        let (masters, replicas) = self.nodes.split_at(3);
        for (master, replica) in masters.iter().zip(replicas) {
            let id: String = master.command(&["CLUSTER", "MYID"]).await;
            let replicate = ["CLUSTER", "REPLICATE", &id];
            eventually("the replica has met its master", async || {
                replica.try_command::<()>(&replicate).await.is_ok()
            })
            .await;
        }
    }
}

async fn is_content(node: &Server) -> bool {
    let replication = ["INFO", "replication"];
    says(node, &["CLUSTER", "INFO"], "cluster_state:ok").await
        && (says(node, &replication, "role:master").await
            || says(node, &replication, "master_link_status:up").await)
}
