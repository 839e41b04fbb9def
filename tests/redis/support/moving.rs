use super::{Cluster, Server};

/// A slot on its way from one master to another.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    cluster: &'a Cluster,
    slot: u16,
    pub from: &'a Server,
    pub to: &'a Server,
}

impl Cluster {
    /// Sends the slot of this key on its way. Until it has arrived, its old master
    /// answers ASK for keys that it does not have.
    pub async fn begin_move_of(&self, key: &str) -> Move<'_> {
        let slot = self.slot_of(key).await;
        let from = self.master_of(key).await;
        let to = self.other_master_than(from).await;
        let moving = Move { cluster: self, slot, from, to };
        moving.set_slot(to, "IMPORTING", from).await;
        moving.set_slot(from, "MIGRATING", to).await;
        moving
    }

    /// Moves the slot of this key with all that is in it. Its old master answers MOVED
    /// from now on.
    pub async fn move_slot_of(&self, key: &str) -> Move<'_> {
        let moving = self.begin_move_of(key).await;
        moving.carry_keys().await;
        moving.finish().await;
        moving
    }
}

impl Move<'_> {
    /// Moves the keys that are there now.
    pub async fn carry_keys(&self) {
        let slot = self.slot.to_string();
        let keys = ["CLUSTER", "GETKEYSINSLOT", &slot, "10000"];
        let keys: Vec<String> = self.from.command(&keys).await;
        if keys.is_empty() {
            return;
        }
        let port = self.to.port().to_string();
        let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        migrate.extend(keys.iter().map(String::as_str));
        self.from.command::<()>(&migrate).await;
    }

    /// All of its keys must have been carried.
    pub async fn finish(&self) {
        self.set_slot(self.to, "NODE", self.to).await;
        self.set_slot(self.from, "NODE", self.to).await;
        self.cluster.is_settled().await;
    }

    async fn set_slot(&self, at: &Server, what: &str, other: &Server) {
        let id: String = other.command(&["CLUSTER", "MYID"]).await;
        let slot = self.slot.to_string();
        at.command::<()>(&["CLUSTER", "SETSLOT", &slot, what, &id]).await;
    }
}
