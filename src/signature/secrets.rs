use std::sync::Arc;

use arrayvec::ArrayVec;

use super::constant_time::{Choice, ConditionallySelectable, ConstantTimeEq};
use super::keyed::{KeyedSecret, Labels};
use super::mac::{Digest, MacKeys};
use crate::Secret;

/// The most secrets that one verifier accepts at once.
pub(super) const MAX_SECRETS: usize = 4;

/// One value for each secret, in the order of the secrets.
pub(super) type PerSecret<T> = ArrayVec<T, MAX_SECRETS>;

/// One to four secrets, no two of them the same.
pub(super) struct Secrets {
    pub(super) keys: PerSecret<Arc<MacKeys>>,
    pub(super) labels: Labels,
}

impl Secrets {
    pub(super) fn one<K>(secret: Secret<K>) -> Self {
        Self::of([secret.into_keyed()].into_iter().collect())
    }

    pub(super) fn new<K>(
        secrets: impl IntoIterator<Item = Secret<K>>,
    ) -> Result<Self, RotationError> {
        let mut taken = PerSecret::new();
        for secret in secrets {
            add(&mut taken, secret.into_keyed())?;
        }
        if taken.is_empty() { Err(RotationError::NoSecret) } else { Ok(Self::of(taken)) }
    }

    fn of(secrets: PerSecret<KeyedSecret>) -> Self {
        let labels = Arc::new(secrets.iter().map(|secret| secret.label.clone()).collect());
        Self { keys: secrets.into_iter().map(|secret| secret.keys).collect(), labels }
    }
}

fn add(taken: &mut PerSecret<KeyedSecret>, secret: KeyedSecret) -> Result<(), RotationError> {
    if let Some(known) = same_as(taken, &secret) {
        let names = [known, &secret].map(|secret| secret.label.name.to_string());
        return Err(RotationError::SameSecret { names });
    }
    taken.try_push(secret).map_err(|_| RotationError::TooManySecrets)
}

/// The secret with the same text as this one. The text is not kept, so this compares the MACs of an
/// empty message.
fn same_as<'s>(taken: &'s [KeyedSecret], secret: &KeyedSecret) -> Option<&'s KeyedSecret> {
    let of_nothing = |secret: &KeyedSecret| secret.keys.sha256.digest::<32>(&[]);
    let known: PerSecret<_> = taken.iter().map(of_nothing).collect();
    taken.get(first_match(&known, &[of_nothing(secret)]))
}

/// The position of the first expected digest that is among `digests`, or a position that no set of
/// secrets has.
///
/// Compares every expected digest with every other one in constant time, and never stops early.
/// Otherwise an attacker could learn from the timing how close a digest was.
pub(super) fn first_match<const N: usize>(expected: &[Digest<N>], digests: &[Digest<N>]) -> usize {
    const NONE: u8 = u8::MAX;
    let mut matched = NONE;
    for (index, mac) in (0_u8..).zip(expected) {
        let hit = digests.iter().fold(Choice::from(0), |hit, digest| hit | mac.ct_eq(digest));
        // The first match counts. If the header has digests under the current and the previous
        // secret, the current one is reported.
        matched.conditional_assign(&index, hit & matched.ct_eq(&NONE));
    }
    usize::from(matched)
}

crate::text::debug_is_display!(RotationError);

/// Why [`Verifier::with_secrets`](crate::Verifier::with_secrets) or
/// [`Verifier::replace_secrets`](crate::Verifier::replace_secrets) does not accept a set of
/// secrets.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// The set is empty.
    #[error("no signing secret was given: give at least the current one")]
    NoSecret,
    /// The set has more than four secrets.
    #[error("at most {MAX_SECRETS} secrets at once: remove the ones whose rotation is over")]
    TooManySecrets,
    /// The same secret was given twice. There is no second secret to rotate to, and
    /// deliveries signed with it would be rejected.
    #[error(
        "the secrets {:?} and {:?} are the same: give the current secret and the one before it, \
         or only one if no rotation is under way", names[0], names[1]
    )]
    #[non_exhaustive]
    SameSecret {
        /// The names of the two, in the order in which they were given.
        names: [String; 2],
    },
}
