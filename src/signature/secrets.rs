use arrayvec::ArrayVec;

use super::constant_time::{Choice, ConditionallySelectable, ConstantTimeEq};
use super::mac::{Digest, RunningMac};
use super::secret::Secret;

/// The most secrets that one verifier accepts at once.
pub(super) const MAX_SECRETS: usize = 4;

/// One value for each secret, in the order of the secrets.
pub(super) type PerSecret<T> = ArrayVec<T, MAX_SECRETS>;

/// One to four secrets, no two of them the same.
#[derive(Debug)]
pub(super) struct Secrets(PerSecret<Secret>);

impl Secrets {
    pub(super) fn one(secret: Secret) -> Self {
        Self([secret].into_iter().collect())
    }

    pub(super) fn new(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, RotationError> {
        let mut taken = Self(PerSecret::new());
        for secret in secrets {
            taken.add(secret)?;
        }
        if taken.0.is_empty() { Err(RotationError::NoSecret) } else { Ok(taken) }
    }

    fn add(&mut self, secret: Secret) -> Result<(), RotationError> {
        if let Some(known) = self.same_as(&secret) {
            let names = [known, &secret].map(|secret| secret.name().to_owned());
            return Err(RotationError::SameSecret { names });
        }
        self.0.try_push(secret).map_err(|_| RotationError::TooManySecrets)
    }

    /// The secret with the same text as this one. The text is not kept, so this compares the MACs of
    /// an empty message.
    fn same_as(&self, secret: &Secret) -> Option<&Secret> {
        let of_nothing = |secret: &Secret| secret.key().start_anew().finish();
        let known: PerSecret<_> = self.0.iter().map(of_nothing).collect();
        self.matching(&known, &[of_nothing(secret)])
    }

    /// Starts a MAC under each secret.
    pub(super) fn start(&self, timestamp: &[u8]) -> PerSecret<RunningMac> {
        self.0.iter().map(|secret| secret.key().start(timestamp)).collect()
    }

    /// Compares every expected MAC with every digest of the header in constant time, and never stops
    /// early. Otherwise an attacker could learn from the timing how close a digest was.
    pub(super) fn matching(&self, expected: &[Digest], digests: &[Digest]) -> Option<&Secret> {
        const NONE: u8 = u8::MAX;
        let mut matched = NONE;
        for (index, mac) in (0_u8..).zip(expected) {
            let hit = digests.iter().fold(Choice::from(0), |hit, digest| hit | mac.ct_eq(digest));
            // The first match counts. If the header has digests under the current and the previous
            // secret, the current one is reported.
            matched.conditional_assign(&index, hit & matched.ct_eq(&NONE));
        }
        self.0.get(usize::from(matched))
    }
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
