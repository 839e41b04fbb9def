use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use super::Forgotten;
use super::shards::Key;
use crate::DeliveryId;
use crate::store::Claim;

/// Under which id signed bytes were first seen. Oldest first out.
pub(super) struct Bindings {
    by_key: LruCache<Key, Binding>,
}

struct Binding {
    id: DeliveryId,
    expires: Duration,
}

impl Bindings {
    pub(super) fn new(room: usize) -> Self {
        let room = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
        Self { by_key: LruCache::new(room) }
    }

    /// The id that one of the keys is bound to, unless one is bound to `own`.
    pub(super) fn other_id(
        &self,
        keys: &[Key],
        own: &DeliveryId,
        now: Duration,
    ) -> Option<DeliveryId> {
        let mut bound = keys.iter().filter_map(|key| self.live(*key, now));
        let first = bound.next()?;
        let own_is_bound = first == own || bound.any(|id| id == own);
        (!own_is_bound).then(|| first.clone())
    }

    pub(super) fn bind(
        &mut self,
        keys: &[Key],
        claim: &Claim,
        now: Duration,
        forgotten: &Forgotten,
    ) {
        self.drop_expired(now);
        for key in keys {
            if self.live(*key, now).is_some() {
                continue;
            }
            let binding =
                Binding { id: claim.id.clone(), expires: now.saturating_add(claim.replay_window) };
            if let Some((_, lost)) = self.by_key.push(*key, binding)
                && lost.expires > now
            {
                let left = lost.expires.saturating_sub(now);
                forgotten.record(claim.replay_window.saturating_sub(left));
            }
        }
    }

    fn live(&self, key: Key, now: Duration) -> Option<&DeliveryId> {
        let binding = self.by_key.peek(&key)?;
        (binding.expires > now).then_some(&binding.id)
    }

    /// Two at most, so that no single claim pays for many.
    fn drop_expired(&mut self, now: Duration) {
        for _ in 0..2 {
            match self.by_key.peek_lru() {
                Some((_, oldest)) if oldest.expires <= now => self.by_key.pop_lru(),
                _ => return,
            };
        }
    }
}
