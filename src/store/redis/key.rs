//! The names of keys. The scope is their hash tag: all keys of a scope are in one
//! slot of a Cluster, so that a script may touch them together.

use std::io::Write;

use redis::{RedisWrite, ToRedisArgs};

use crate::ReplayKey;
use crate::store::{Claim, RecordKind};

/// The keys of one call: the record's, then one for each replay key. As arguments of a command,
/// their number comes first.
pub(super) struct Keys<'a> {
    pub(super) prefix: &'a str,
    pub(super) scope: &'a str,
    pub(super) kind: RecordKind,
    pub(super) id: &'a str,
    pub(super) replays: &'a [ReplayKey],
}

impl<'a> Keys<'a> {
    /// The record's key alone.
    pub(super) fn of_record(prefix: &'a str, claim: &'a Claim) -> Self {
        let (scope, id) = (claim.scope.as_str(), claim.id.as_str());
        Self { prefix, scope, kind: claim.kind, id, replays: &[] }
    }

    pub(super) fn of_claim(prefix: &'a str, claim: &'a Claim) -> Self {
        Self { replays: &claim.replay_keys, ..Self::of_record(prefix, claim) }
    }

    /// Writes the record's key, without the number of keys.
    pub(super) fn write_record<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        let kind = match self.kind {
            RecordKind::Delivery => *b"d",
            RecordKind::Event => *b"e",
            #[cfg(feature = "queue")]
            RecordKind::Queued => *b"q",
        };
        self.write(out, kind, self.id.as_bytes());
    }

    /// Whether a key begins as the records of this scope do.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(super) fn are_like(&self, key: &[u8]) -> bool {
        let start = format!("{}{{{}}}", self.prefix, self.scope);
        let kind = key.strip_prefix(start.as_bytes()).and_then(<[u8]>::first);
        matches!(kind, Some(b'd' | b'e' | b'q' | b'r'))
    }

    fn write<W: RedisWrite + ?Sized>(&self, out: &mut W, kind: [u8; 1], name: &[u8]) {
        let mut key = out.writer_for_next_arg();
        for part in [self.prefix.as_bytes(), b"{", self.scope.as_bytes(), b"}", &kind, name] {
            // Writing to memory does not fail.
            let _ = key.write_all(part);
        }
    }
}

impl ToRedisArgs for Keys<'_> {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        self.replays.len().saturating_add(1).write_redis_args(out);
        self.write_record(out);
        for replay_key in self.replays {
            self.write(out, *b"r", &replay_key.to_bytes());
        }
    }
}
