//! Verification without I/O: `begin` with the header, `update` with the body as
//! it comes, `finish` with the time.

use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;

use super::ReplayKey;
use super::Tolerance;
use super::constant_time::{Choice, ConditionallySelectable, ConstantTimeEq};
use super::header::SignatureHeader;
use super::mac::{Digest, RunningMac};
use super::secret::{RotationError, Secret};
use crate::Rejection;

/// The most secrets that may be configured at once.
pub(crate) const MAX_SECRETS: usize = 4;

/// Tells genuine and fresh deliveries from all others.
///
/// Needs no runtime, no framework and no clock: time is passed in. Build one
/// per endpoint and share it; nothing is computed anew per delivery but the MAC.
///
/// ```
/// use nevent_webhooks::{Secret, Verifier};
///
/// let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let verifier = Verifier::new(secret);
///
/// let header = "t=1640995200,v1=16d4b9f5bcd3b88dcc8212688fb8c0691a494cb11579e972cf08579d62e0b61f";
/// let body = br#"{"id":"evt_01234567890","type":"purchase.completed","created":1640995200,"data":{},"organization_id":"org_abcdefghijk"}"#;
/// let now = 1_640_995_260;
///
/// // In one call …
/// let verified = verifier.verify(header, body, now)?;
/// assert_eq!(verified.age(), 60);
///
/// // … or piece by piece, as the body arrives.
/// let mut verification = verifier.begin([header.as_bytes()])?;
/// let (start, end) = body.split_at(10);
/// verification.update(start);
/// verification.update(end);
/// assert_eq!(verification.finish(now)?.timestamp(), 1_640_995_200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    secrets: ArrayVec<Secret, MAX_SECRETS>,
    tolerance: Tolerance,
}

impl Verifier {
    /// Accepts signatures made with this secret, at most 300 s old and at most
    /// 300 s in the future.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        let mut secrets = ArrayVec::new();
        secrets.push(secret);
        Self { secrets, tolerance: Tolerance::default() }
    }

    /// Accepts signatures made with this secret too: the previous one, while
    /// Nevent's side and yours are being moved to a new one. Each further
    /// secret costs another pass over every body.
    ///
    /// Give every receiver both secrets before Nevent signs with the new one. Two
    /// receivers without a common secret do not recognise the same signed bytes under
    /// another delivery id, so that a replay of them would run.
    ///
    /// # Errors
    ///
    /// At most 4 secrets are taken, and none of them twice.
    pub fn or(mut self, secret: Secret) -> Result<Self, RotationError> {
        if let Some(known) = self.same_as(&secret) {
            let names = [known, &secret].map(|secret| secret.name().to_owned());
            return Err(RotationError::SameSecret { names });
        }
        self.secrets.try_push(secret).map_err(|_| RotationError::TooManySecrets)?;
        Ok(self)
    }

    /// The secret with the same text, told by the MAC of nothing under each: no text is kept.
    fn same_as(&self, secret: &Secret) -> Option<&Secret> {
        let of_nothing = |secret: &Secret| secret.key().start_anew().finish();
        let known: ArrayVec<_, MAX_SECRETS> = self.secrets.iter().map(of_nothing).collect();
        matching_secret(&self.secrets, &known, &[of_nothing(secret)])
    }

    /// Sets how old, and how far in the future, a signature may be.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Verifies a whole body against the value of its signature header, without
    /// allocating. `now` is in Unix seconds.
    ///
    /// A request may hold several lines of that header, which is wrong and which
    /// `HeaderMap::get` does not show: [`Verifier::begin`] takes all of them.
    ///
    /// # Errors
    ///
    /// The signature rows of [`Rejection`], judged in this order: the header's
    /// form, the MAC, the timestamp.
    pub fn verify(
        &self,
        header: impl AsRef<[u8]>,
        body: &[u8],
        now: i64,
    ) -> Result<Verified, Rejection> {
        let mut verification = self.begin([header.as_ref()])?;
        verification.update(body);
        verification.finish(now)
    }

    /// Judges the form of the signature header, given the values of all its
    /// lines in the request (there must be exactly one), and starts the MAC. With
    /// the `http` crate: `headers.get_all(SIGNATURE_HEADER).iter().map(HeaderValue::as_bytes)`.
    ///
    /// # Errors
    ///
    /// [`Rejection::MissingSignature`], [`Rejection::MalformedSignature`].
    pub fn begin<'a>(
        &self,
        header_lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Verification<'_>, Rejection> {
        let header = SignatureHeader::from_lines(header_lines)?;
        let secrets = self.secrets.iter();
        let macs = secrets.map(|secret| secret.key().start(&header.timestamp.text));
        Ok(Verification { verifier: self, macs: macs.collect(), header })
    }
}

/// A verification under way. Drop it to give up.
#[must_use = "nothing is verified before `finish`"]
pub struct Verification<'v> {
    verifier: &'v Verifier,
    header: SignatureHeader,
    macs: ArrayVec<RunningMac, MAX_SECRETS>,
}

impl Verification<'_> {
    /// Takes the next piece of the body, exactly as it came.
    pub fn update(&mut self, bytes: &[u8]) {
        self.macs.iter_mut().for_each(|mac| mac.update(bytes));
    }

    /// Judges the MAC, then the time: `now`, in Unix seconds, read when the
    /// body has ended.
    ///
    /// # Errors
    ///
    /// [`Rejection::InvalidSignature`]; and for what is authentic,
    /// [`Rejection::TimestampTooOld`] or [`Rejection::TimestampTooNew`].
    pub fn finish(self, now: i64) -> Result<Verified, Rejection> {
        let expected: ArrayVec<_, MAX_SECRETS> =
            self.macs.into_iter().map(RunningMac::finish).collect();
        let secret = matching_secret(&self.verifier.secrets, &expected, &self.header.digests)
            .ok_or(Rejection::InvalidSignature)?;

        let timestamp = self.header.timestamp.unix_seconds;
        let age = now.saturating_sub(timestamp);
        self.verifier.tolerance.judge(age)?;
        secret.count_match();

        Ok(Verified {
            timestamp,
            age,
            secret_name: Arc::clone(secret.shared_name()),
            replay_keys: expected.iter().map(ReplayKey::from_mac).collect(),
            replay_window: self.verifier.tolerance.replay_window(),
        })
    }
}

impl std::fmt::Debug for Verification<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verification").finish_non_exhaustive()
    }
}

/// Compares every expected MAC with every digest of the header, always all of
/// them and in constant time, so that timing does not tell which was close.
fn matching_secret<'v>(
    secrets: &'v [Secret],
    expected: &[Digest],
    digests: &[Digest],
) -> Option<&'v Secret> {
    const NONE: u8 = u8::MAX;
    let mut matched = NONE;
    for (index, mac) in (0_u8..).zip(expected) {
        let hit = digests.iter().fold(Choice::from(0), |hit, digest| hit | mac.ct_eq(digest));
        // The first match counts: with digests under the current and the
        // previous secret, the current one is named.
        matched.conditional_assign(&index, hit & matched.ct_eq(&NONE));
    }
    secrets.get(usize::from(matched))
}

/// Proof that a body is genuine and fresh: only [`Verification::finish`] and
/// [`Verifier::verify`] make one.
#[derive(Debug, Clone)]
pub struct Verified {
    timestamp: i64,
    age: i64,
    secret_name: Arc<str>,
    replay_keys: ArrayVec<ReplayKey, MAX_SECRETS>,
    replay_window: Duration,
}

impl Verified {
    /// When it was signed, in Unix seconds.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// Seconds between the signature and the end of the body; negative when the
    /// sender's clock is ahead.
    #[must_use]
    pub fn age(&self) -> i64 {
        self.age
    }

    /// The name of the secret that matched.
    #[must_use]
    pub fn secret_name(&self) -> &str {
        &self.secret_name
    }

    /// What recognises these signed bytes under another delivery id: one key
    /// per configured secret, the first secret's first.
    #[must_use]
    pub fn replay_keys(&self) -> &[ReplayKey] {
        &self.replay_keys
    }

    /// How long the signature could be sent again and be accepted: both
    /// tolerances and a minute for clocks that differ between receivers.
    #[must_use]
    pub fn replay_window(&self) -> Duration {
        self.replay_window
    }
}

#[cfg(test)]
mod tests;
