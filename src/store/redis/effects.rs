//! The effects that a handler hands to [`RedisStore::complete_with`](super::RedisStore).

use std::fmt;

use redis::{Cmd, RedisWrite, ToRedisArgs};

use super::RedisEffectError;
use super::key::Keys;
use crate::store::Scope;

/// The effects of a handler in Redis, which
/// [`RedisStore::complete_with`](super::RedisStore::complete_with) executes together with the
/// completion of the delivery.
///
/// Each method adds one command. They are executed in this order. Keys and values are bytes.
///
/// Every key must have the claim's scope as its hash tag, such as `{tickets}:sales`: only keys with
/// the same hash tag are in the same slot of a Cluster. [`RedisEffects::key`] makes such a key, also
/// for the scope of a tenant.
///
/// At most 4,000 arguments and 64 MiB fit into one call. Each effect counts as three arguments, and
/// each of its values, members and fields as one.
///
/// ```
/// use nevent_webhooks::store::RedisEffects;
///
/// let effects = RedisEffects::new()
///     .xadd("{tickets}:sales", [("event", "evt_1"), ("seat", "B4")])
///     .lpush("{tickets}:jobs", "print evt_1")
///     .incr_by("{tickets}:sold", 2);
/// assert_eq!(effects.len(), 3);
/// ```
#[derive(Clone, Default)]
#[must_use = "they are executed by `RedisStore::complete_with`"]
pub struct RedisEffects(Vec<Effect>);

#[derive(Clone)]
struct Effect {
    command: &'static str,
    key: Vec<u8>,
    arguments: Vec<Vec<u8>>,
}

/// Lua's `unpack` fails at 8,000 values.
const MOST_ARGUMENTS: usize = 4_000;
/// Far below the 512 MiB of `proto-max-bulk-len`, and the 1 GiB of an entry of a stream.
const MOST_BYTES: usize = 64 << 20;

impl RedisEffects {
    /// Creates an empty list. With it, `complete_with` completes the delivery and does nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key of this name that has the scope as its hash tag: `{scope}:name`.
    ///
    /// ```
    /// use nevent_webhooks::store::{RedisEffects, Scope};
    ///
    /// let scope = Scope::new("tickets")?;
    /// assert_eq!(RedisEffects::key(&scope, "sales"), "{tickets}:sales");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn key(scope: &Scope, name: &str) -> String {
        format!("{{{}}}:{name}", scope.as_str())
    }

    /// Adds an entry to a stream, with the id `*`: `XADD key * field value …`.
    pub fn xadd<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = (F, V)>,
    ) -> Self {
        let mut arguments = vec![b"*".to_vec()];
        for (field, value) in fields {
            arguments.extend([field.as_ref().to_vec(), value.as_ref().to_vec()]);
        }
        self.with(XADD, key, arguments)
    }

    /// Adds an element to the head of a list: `LPUSH key element`.
    pub fn lpush(self, key: impl AsRef<[u8]>, element: impl AsRef<[u8]>) -> Self {
        self.with("LPUSH", key, vec![element.as_ref().to_vec()])
    }

    /// Adds an element to the tail of a list: `RPUSH key element`.
    pub fn rpush(self, key: impl AsRef<[u8]>, element: impl AsRef<[u8]>) -> Self {
        self.with("RPUSH", key, vec![element.as_ref().to_vec()])
    }

    /// Adds a member to a set: `SADD key member`.
    pub fn sadd(self, key: impl AsRef<[u8]>, member: impl AsRef<[u8]>) -> Self {
        self.with("SADD", key, vec![member.as_ref().to_vec()])
    }

    /// Sets a field of a hash: `HSET key field value`.
    pub fn hset(
        self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Self {
        self.with("HSET", key, vec![field.as_ref().to_vec(), value.as_ref().to_vec()])
    }

    /// Adds a number to a counter: `INCRBY key number`. It may be negative.
    pub fn incr_by(self, key: impl AsRef<[u8]>, number: i64) -> Self {
        self.with("INCRBY", key, vec![number.to_string().into_bytes()])
    }

    /// The number of effects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn with(
        mut self,
        command: &'static str,
        key: impl AsRef<[u8]>,
        arguments: Vec<Vec<u8>>,
    ) -> Self {
        self.0.push(Effect { command, key: key.as_ref().to_vec(), arguments });
        self
    }

    /// Refuses what can be known to fail before anything is sent.
    pub(super) fn check(&self, record: &Keys<'_>) -> Result<(), RedisEffectError> {
        self.0.iter().try_for_each(|effect| effect.check(record))?;
        let arguments = self.0.iter().map(Effect::count).fold(0, usize::saturating_add);
        let bytes = self.0.iter().map(Effect::bytes).fold(0, usize::saturating_add);
        if arguments > MOST_ARGUMENTS || bytes > MOST_BYTES {
            return Err(RedisEffectError::TooLarge { arguments, bytes });
        }
        Ok(())
    }

    /// Adds the effects to a call that has all keys, the token and the retention.
    pub(super) fn add_to(&self, call: &mut Cmd) {
        for effect in &self.0 {
            call.arg(effect.command).arg(effect.arguments.len()).arg(&effect.arguments);
        }
    }

    /// The command and the key of an effect.
    pub(super) fn named(&self, index: usize) -> Option<(&'static str, String)> {
        self.0.get(index).map(|effect| (effect.command, effect.shown_key()))
    }
}

const XADD: &str = "XADD";

impl Effect {
    fn check(&self, record: &Keys<'_>) -> Result<(), RedisEffectError> {
        let key = || self.shown_key();
        if hash_tag(&self.key) != Some(record.scope.as_bytes()) {
            return Err(RedisEffectError::OtherSlot { key: key(), scope: record.scope.to_owned() });
        }
        if record.are_like(&self.key) {
            return Err(RedisEffectError::ReservedKey { key: key() });
        }
        if self.command == XADD && self.arguments.len() == 1 {
            return Err(RedisEffectError::NoFields { key: key() });
        }
        Ok(())
    }

    /// The key and the two words before the arguments count as well.
    fn count(&self) -> usize {
        self.arguments.len().saturating_add(3)
    }

    fn bytes(&self) -> usize {
        self.arguments.iter().map(Vec::len).fold(self.key.len(), usize::saturating_add)
    }

    fn shown_key(&self) -> String {
        String::from_utf8_lossy(&self.key).into_owned()
    }
}

/// The part of a key that decides on its slot in a Cluster, as the Cluster finds it. `None` if that is
/// the whole key.
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let (_, rest) = key.split_at(key.iter().position(|byte| *byte == b'{')?.checked_add(1)?);
    let (tag, _) = rest.split_at(rest.iter().position(|byte| *byte == b'}')?);
    (!tag.is_empty()).then_some(tag)
}

/// The keys alone: those of the effects follow that of the record.
pub(super) struct EffectKeys<'a> {
    pub(super) record: Keys<'a>,
    pub(super) effects: &'a RedisEffects,
}

impl ToRedisArgs for EffectKeys<'_> {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        self.effects.len().saturating_add(1).write_redis_args(out);
        self.record.write_record(out);
        self.effects.0.iter().for_each(|effect| out.write_arg(&effect.key));
    }
}

/// The commands and keys. The values may be private.
impl fmt::Debug for RedisEffects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |effect: &Effect| format!("{} {}", effect.command, effect.shown_key());
        f.debug_list().entries(self.0.iter().map(shown)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_tag_is_what_a_cluster_takes_for_it() {
        let tag = |key: &'static str| hash_tag(key.as_bytes()).map(|tag| str::from_utf8(tag).ok());
        for (key, expected) in [
            ("{tickets}:sales", Some("tickets")),
            ("shop:{tickets}:sales", Some("tickets")),
            ("{tickets}{fans}", Some("tickets")),
            ("{{tickets}}", Some("{tickets")),
            ("a}{tickets}", Some("tickets")),
        ] {
            assert_eq!(tag(key), Some(expected), "{key}");
        }
        for key in ["", "tickets", "{}{tickets}", "{tickets", "tickets}", "{", "}{"] {
            assert_eq!(tag(key), None, "{key}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let effects =
            RedisEffects::new().rpush("{t}:jobs", "private").hset("{t}:h", "f", "private");
        assert_eq!(format!("{effects:?}"), r#"["RPUSH {t}:jobs", "HSET {t}:h"]"#);
    }
}
