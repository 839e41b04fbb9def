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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, Scope};

    const WINDOW: Duration = Duration::from_secs(660);

    fn bind(bindings: &mut Bindings, keys: &[u8], now: Duration, forgotten: &Forgotten) {
        let (scope, id) = (Scope::new("test").unwrap(), DeliveryId::new("id").unwrap());
        let mut claim = Claim::new(scope, id, Fingerprint::of(b""));
        claim.replay_window = WINDOW;
        let keys: Vec<_> = keys.iter().map(|key| Key([*key; 16])).collect();
        bindings.bind(&keys, &claim, now, forgotten);
    }

    #[test]
    fn what_expired_is_cleared_away_two_at_a_time() {
        let (mut bindings, forgotten) = (Bindings::new(10), Forgotten::default());
        bind(&mut bindings, &[1, 2, 3], Duration::ZERO, &forgotten);
        bind(&mut bindings, &[], WINDOW, &forgotten);
        assert_eq!(bindings.by_key.len(), 1);
        assert_eq!(forgotten.stats().forgotten_early, 0);
    }

    #[test]
    fn only_what_had_not_expired_counts_as_forgotten() {
        let (mut bindings, forgotten) = (Bindings::new(3), Forgotten::default());
        bind(&mut bindings, &[1, 2, 3], Duration::ZERO, &forgotten);
        // Two are cleared away, the third is pushed out in its last moment.
        bind(&mut bindings, &[4, 5, 6], WINDOW, &forgotten);
        assert_eq!(forgotten.stats().forgotten_early, 0);
        let age = Duration::from_secs(7);
        bind(&mut bindings, &[7], WINDOW.saturating_add(age), &forgotten);
        assert_eq!(forgotten.stats().forgotten_early, 1);
        assert_eq!(forgotten.stats().youngest_forgotten, Some(age));
    }
}
