use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::header::SignatureHeader;
use super::mac::RunningMac;
use super::secrets::{PerSecret, Secrets};
use super::{ReplayKey, Tolerance, VerifyError};

/// A verification in progress. It uses the secrets that the verifier had when it began. Drop it to
/// cancel the verification.
///
/// ```
/// use nevent_webhooks::{Secret, Verifier};
///
/// let verifier = Verifier::new(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?);
/// let header = "t=1640995200,v1=16d4b9f5bcd3b88dcc8212688fb8c0691a494cb11579e972cf08579d62e0b61f";
/// let mut verification = verifier.begin([header.as_bytes()])?;
/// for piece in [&br#"{"id":"evt_01234567890","#[..], b"..."] {
///     verification.update(piece);
/// }
/// assert!(verification.finish(1_640_995_260).is_err(), "another body");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is verified before `finish`"]
pub struct Verification {
    secrets: Arc<Secrets>,
    tolerance: Tolerance,
    header: SignatureHeader,
    macs: PerSecret<RunningMac>,
}

impl Verification {
    pub(super) fn new(
        secrets: Arc<Secrets>,
        tolerance: Tolerance,
        header: SignatureHeader,
    ) -> Self {
        let macs = secrets.start(&header.timestamp.text);
        Self { secrets, tolerance, header, macs }
    }

    /// Adds the next piece of the body, exactly as it arrived.
    pub fn update(&mut self, bytes: &[u8]) {
        self.macs.iter_mut().for_each(|mac| mac.update(bytes));
    }

    /// Checks the MAC, then the timestamp. `now` is the time at the end of the body, in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`VerifyError::InvalidSignature`] if no digest matches. [`VerifyError::TimestampTooOld`] or
    /// [`VerifyError::TimestampTooNew`] if the delivery is genuine but not fresh.
    pub fn finish(self, now: i64) -> Result<Verified, VerifyError> {
        let expected: PerSecret<_> = self.macs.into_iter().map(RunningMac::finish).collect();
        let secret = self
            .secrets
            .matching(&expected, &self.header.digests)
            .ok_or(VerifyError::InvalidSignature)?;

        let timestamp = self.header.timestamp.unix_seconds;
        let age = now.saturating_sub(timestamp);
        self.tolerance.check(age)?;
        secret.count_match();

        Ok(Verified {
            timestamp,
            age,
            secret_name: Arc::clone(secret.shared_name()),
            tenant: None,
            replay_keys: expected.iter().map(ReplayKey::from_mac).collect(),
            replay_window: self.tolerance.replay_window(),
        })
    }
}

impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification").finish_non_exhaustive()
    }
}

/// Proof that a body is genuine and fresh. Only [`Verification::finish`] and
/// [`Verifier::verify`](crate::Verifier::verify) create one.
#[derive(Debug, Clone)]
pub struct Verified {
    timestamp: i64,
    age: i64,
    secret_name: Arc<str>,
    tenant: Option<Arc<str>>,
    replay_keys: PerSecret<ReplayKey>,
    replay_window: Duration,
}

impl Verified {
    /// When the delivery was signed, in Unix seconds.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// Seconds between the signature and the end of the body. Negative if the sender's clock
    /// is ahead.
    #[must_use]
    pub fn age(&self) -> i64 {
        self.age
    }

    /// The name of the secret that matched.
    #[must_use]
    pub fn secret_name(&self) -> &str {
        &self.secret_name
    }

    /// The name of the tenant whose secret matched. `None` unless the layer has a verifier
    /// per tenant: see [`VerifyLayer::per_tenant`](crate::VerifyLayer::per_tenant).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The keys by which a store recognises these signed bytes under another delivery id. There is one
    /// for each of the verifier's secrets, in their order.
    #[must_use]
    pub fn replay_keys(&self) -> &[ReplayKey] {
        &self.replay_keys
    }

    /// The time during which a replay of the signature could be accepted. It is the sum of both
    /// tolerances and one minute for receivers whose clocks differ.
    #[must_use]
    pub fn replay_window(&self) -> Duration {
        self.replay_window
    }

    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn of_tenant(mut self, tenant: Arc<str>) -> Self {
        self.tenant = Some(tenant);
        self
    }
}
