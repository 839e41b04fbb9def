use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use twox_hash::XxHash3_128;

use super::{DeliveryId, Scope};
use crate::ReplayKeys;

/// The claim of one attempt to one delivery or event, with everything that a
/// [`Store`](crate::store::Store) needs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claim {
    /// The endpoint.
    pub scope: Scope,
    /// Whether `id` is a delivery's or an event's.
    pub kind: RecordKind,
    /// The delivery's or event's id, within the scope and the kind.
    pub id: DeliveryId,
    /// The owner. The caller draws the token, so that it can repeat a claim after the store's answer
    /// was lost.
    pub token: OwnerToken,
    /// The hash of the body that the id belongs to.
    pub fingerprint: Fingerprint,
    /// The keys by which the store recognises a replay of the signed bytes under another id. Empty
    /// for events.
    pub replay_keys: ReplayKeys,
    /// The time for which the store keeps the replay keys.
    pub replay_window: Duration,
    /// The time after which the claim expires unless it is renewed.
    pub lease: Duration,
    /// The time for which the store keeps a completion.
    pub retention: Duration,
}

impl Claim {
    /// Creates a claim for a delivery, with a new token and without replay keys. The lease is 30 s,
    /// the retention 24 h and the replay window 11 min. Set the fields to change that.
    ///
    /// ```
    /// use nevent_webhooks::DeliveryId;
    /// use nevent_webhooks::store::{Claim, Fingerprint, RecordKind, Scope};
    ///
    /// let (scope, id) = (Scope::new("tickets")?, DeliveryId::new("evt_1")?);
    /// let mut claim = Claim::new(scope, id, Fingerprint::of(b"evt_1"));
    /// assert_eq!(claim.kind, RecordKind::Delivery);
    /// claim.kind = RecordKind::Event;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(scope: Scope, id: DeliveryId, fingerprint: Fingerprint) -> Self {
        Self {
            scope,
            kind: RecordKind::Delivery,
            id,
            token: OwnerToken::draw(),
            fingerprint,
            replay_keys: ReplayKeys::default(),
            replay_window: Duration::from_secs(660),
            lease: Duration::from_secs(30),
            retention: Duration::from_secs(24 * 3600),
        }
    }
}

/// The kind of a record: for a delivery, for an event, or for an entry of a queue.
///
/// Each kind is a key space of its own. The same id, in the same scope, may belong to a delivery and
/// to an event, so a store must make the kind part of a record's key.
///
/// More kinds may be added. A store that writes [`RecordKind::as_str`] into the key then needs no
/// change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// The record of a delivery, claimed by its id: from a header, from a field of the body, or the hash
    /// of the body.
    Delivery,
    /// The record of an event of Nevent's, claimed by the event's own id.
    Event,
    /// The record of an entry of a queue, claimed by its consumer: see
    /// [`Once`](crate::queue::Once). The receiver completes its own record of the delivery when the
    /// queue has the entry, so the consumer needs another.
    #[cfg(feature = "queue")]
    Queued,
}

impl RecordKind {
    /// The kind's name, for a store to keep: `"delivery"`, `"event"`, or `"queued"` with the feature
    /// `queue`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Event => "event",
            #[cfg(feature = "queue")]
            Self::Queued => "queued",
        }
    }
}

/// The token of a claim's owner. No two claims have the same token, in any process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerToken(u128);

impl OwnerToken {
    /// Draws a new token: 64 random bits of this process, and a count.
    #[must_use]
    pub fn draw() -> Self {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // The standard library seeds `RandomState` from the system's randomness.
        let process = PROCESS.get_or_init(|| RandomState::new().build_hasher().finish());
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(u128::from(*process) << 64 | u128::from(count))
    }

    /// The token's bytes, for a store to keep.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// A 128-bit hash of a delivery's body. The store uses it to notice a conflict: the same id with a
/// different body.
///
/// The hash has no key, so that all processes compute the same one for a retry, also after a restart
/// or a change of the secret. It does not have to resist an attacker, because only the owner of the
/// secret could sign two bodies with the same hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The format of [`Fingerprint::of`]: 1 is XXH3-128 of the body, without a seed.
    ///
    /// A store that outlives the process keeps the version together with the fingerprint, and
    /// treats fingerprints of different versions as equal.
    pub const VERSION: u8 = 1;

    /// The fingerprint of a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(XxHash3_128::oneshot(body))
    }

    /// The fingerprint's bytes, for a store to keep.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The version, then the bytes.
    #[cfg(any(feature = "redis", feature = "postgres", feature = "sqlite"))]
    pub(crate) fn with_version(self) -> [u8; 17] {
        let mut bytes = [Self::VERSION; 17];
        bytes[1..].copy_from_slice(&self.to_bytes());
        bytes
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:032x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the XXH3 specification's sanity checks (empty input, seed 0). Stores may hold
    /// fingerprints of an older release, so they must not change.
    #[test]
    fn the_fingerprint_of_an_empty_body_is_as_published() {
        let printed = format!("{:?}", Fingerprint::of(b""));
        assert_eq!(printed, "Fingerprint(99aa06d3014798d86001c324468d497f)");
    }

    #[test]
    fn tokens_share_the_random_bits_of_the_process_and_differ_in_the_count() {
        let halves = [(); 2].map(|()| {
            let token = OwnerToken::draw().to_bytes();
            (token[..8].to_vec(), token[8..].to_vec())
        });
        assert_eq!(halves[0].0, halves[1].0);
        assert_ne!(halves[0].0, [0; 8], "random bits");
        assert_ne!(halves[0].1, halves[1].1);
    }

    #[test]
    fn every_byte_of_a_body_counts() {
        let body = vec![b'x'; 100_000];
        for at in [0, 64, 50_000, 99_999] {
            let mut other = body.clone();
            other[at] = b'y';
            assert_ne!(Fingerprint::of(&body), Fingerprint::of(&other), "byte {at}");
        }
    }
}
