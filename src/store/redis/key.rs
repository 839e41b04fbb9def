//! The names of keys. The scope is their hash tag: all keys of a scope are in one
//! slot of a Cluster, so that a script may touch them together.

use crate::store::{Claim, RecordKind};

pub(super) struct Keys {
    /// Up to and with the hash tag.
    start: String,
}

impl Keys {
    pub(super) fn new(prefix: &str, scope: &str) -> Self {
        Self { start: format!("{prefix}{{{scope}}}") }
    }

    pub(super) fn record(&self, kind: RecordKind, id: &str) -> Vec<u8> {
        let kind = match kind {
            RecordKind::Delivery => 'd',
            RecordKind::Event => 'e',
        };
        format!("{}{kind}{id}", self.start).into_bytes()
    }

    /// The record's, then those of the replay keys.
    pub(super) fn of_claim(&self, claim: &Claim) -> Vec<Vec<u8>> {
        let replays = claim.replay_keys.iter().map(|key| self.replay(key.to_bytes()));
        std::iter::once(self.record(claim.kind, claim.id.as_str())).chain(replays).collect()
    }

    fn replay(&self, replay_key: [u8; 16]) -> Vec<u8> {
        let mut key = format!("{}r", self.start).into_bytes();
        key.extend(replay_key);
        key
    }
}
