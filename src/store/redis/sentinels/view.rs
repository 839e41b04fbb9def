//! Each Sentinel's view of the master, and the choice between views.

use std::collections::HashMap;

use redis::{ConnectionAddr, RedisError};

use super::{error, failover_in_progress};

/// A master's address, and the configuration epoch in which it became the master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Master {
    pub(super) host: String,
    pub(super) port: u16,
    epoch: u64,
}

/// One Sentinel's view of the master.
#[derive(Debug)]
pub(in super::super) struct View {
    master: Master,
    is_down: bool,
    /// Whether a replica is about to become the master, or has just become it without the
    /// Sentinel knowing. Writes to the old master are lost from then on.
    is_promoting: bool,
}

impl Master {
    /// The master at an address, with an unknown epoch.
    pub(in super::super) fn at(address: &ConnectionAddr) -> Option<Self> {
        match address {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some(Self { host: host.clone(), port: *port, epoch: 0 })
            }
            _ => None,
        }
    }

    pub(in super::super) fn has_address_of(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }
}

impl View {
    pub(super) fn of(fields: &HashMap<String, String>, (host, port): (String, u16)) -> Self {
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

    /// Whether the store must give up its connection to this master.
    pub(in super::super) fn outdates(&self, master: &Master) -> bool {
        let (is_newer, is_stale) =
            (self.master.epoch > master.epoch, self.master.epoch < master.epoch);
        (self.is_promoting && !is_stale) || (is_newer && !self.master.has_address_of(master))
    }
}

/// Chooses the master in the newest configuration.
///
/// Sentinels may disagree: an isolated one goes on naming a master that has been replaced,
/// and may go on trying to promote a replica.
pub(super) fn choose(views: Vec<View>) -> Result<Master, RedisError> {
    let newest = views.iter().map(|view| view.master.epoch).max();
    if views.iter().any(|view| view.is_promoting && Some(view.master.epoch) == newest) {
        return Err(failover_in_progress());
    }
    match views.into_iter().max_by_key(|view| (view.master.epoch, !view.is_down)) {
        Some(view) if !view.is_down => Ok(view.master),
        _ => Err(error("the Sentinels find the master down, and have not yet named another")),
    }
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
    fn a_promotion_in_an_old_configuration_stops_nobody() {
        let promoting = |epoch| view("old", epoch, "master,failover_in_progress", "wait_promotion");
        let new = || view("new", "10", "master", "");
        chosen(vec![promoting("9"), new(), new()], "new");
        for epoch in ["10", "11"] {
            assert!(choose(vec![new(), promoting(epoch)]).is_err(), "{epoch}");
        }
        let current = Master { host: "new".to_owned(), port: 6379, epoch: 10 };
        for (epoch, outdated) in [("9", false), ("10", true), ("11", true)] {
            assert_eq!(promoting(epoch).outdates(&current), outdated, "{epoch}");
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
