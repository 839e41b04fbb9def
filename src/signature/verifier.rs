use std::sync::{Arc, PoisonError, RwLock};

use super::header::SignatureHeader;
use super::secret::Secret;
use super::secrets::{RotationError, Secrets};
use super::{Tolerance, Verification, Verified, VerifyError};

/// Tells genuine and fresh deliveries from all others.
///
/// A verifier needs no runtime, no framework and no clock: the caller passes the time in.
/// Create one per endpoint and share it. Clones share the secrets, so
/// [`Verifier::replace_secrets`] on one clone takes effect in all of them.
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
    secrets: Arc<RwLock<Arc<Secrets>>>,
    tolerance: Tolerance,
}

impl Verifier {
    /// Accepts signatures made with this secret, at most 300 s old and at most 300 s in the
    /// future.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self::of(Secrets::one(secret))
    }

    /// Accepts signatures made with any of these secrets: the current one first, then the
    /// previous one, while a rotation is under way.
    ///
    /// Each further secret costs another pass over every body.
    ///
    /// ```
    /// use nevent_webhooks::{Secret, Verifier};
    ///
    /// let current = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// let previous = Secret::new("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh")?.named("previous");
    /// let verifier = Verifier::with_secrets([current, previous])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RotationError`] if there is no secret, if there are more than four, or if the same
    /// secret was given twice.
    pub fn with_secrets(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, RotationError> {
        Secrets::new(secrets).map(Self::of)
    }

    /// Replaces the secrets of this verifier and of all its clones, without a restart: those
    /// in the layers of a running receiver, too.
    ///
    /// Requests that arrive from now on are checked with the new secrets. Verifications in
    /// progress finish with the secrets they began with. The replaced secrets are wiped when
    /// the last of these has ended, unless you keep a [`Secret`]. Keep a clone of the
    /// previous secret to read [`Secret::matches`]; another `Secret` of the same text
    /// counts from zero.
    ///
    /// # Rotating without losing a delivery
    ///
    /// 1. Add the new secret beside the old one in **every** receiver:
    ///    `replace_secrets([new, old])`.
    /// 2. When all receivers have both, switch the sender to the new secret.
    /// 3. When the old secret's [`matches`](Secret::matches) no longer changes, remove it:
    ///    `replace_secrets([new])`. Wait for at least the tolerances, ten minutes by
    ///    default.
    ///
    /// The order matters for replays as well. A receiver recognises signed bytes that arrive
    /// again under another delivery id by their MACs under its secrets. Two receivers, or one
    /// receiver before and after a replacement, therefore need a secret in common. Without
    /// one, an attacker who captures a request that is signed under both secrets can have it
    /// handled a second time under another id.
    ///
    /// ```
    /// use nevent_webhooks::{Secret, Verifier};
    ///
    /// let old = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?.named("old");
    /// let verifier = Verifier::new(old.clone());
    /// let in_the_layer = verifier.clone();
    ///
    /// let new = Secret::new("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh")?.named("new");
    /// let signed_with_new = nevent_webhooks::Signer::new(&new).header(1_640_995_200, b"{}");
    /// verifier.replace_secrets([new, old])?;
    /// assert!(in_the_layer.verify(signed_with_new, b"{}", 1_640_995_200).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Verifier::with_secrets`]. The secrets then stay as they were.
    pub fn replace_secrets(
        &self,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Result<(), RotationError> {
        let secrets = Arc::new(Secrets::new(secrets)?);
        let mut current = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = std::mem::replace(&mut *current, secrets);
        // Wiping takes longer than the exchange, and requests wait for the lock.
        drop(current);
        drop(replaced);
        Ok(())
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
    /// A request may contain several lines of that header, which is an error that
    /// `HeaderMap::get` hides. [`Verifier::begin`] takes all of them.
    ///
    /// # Errors
    ///
    /// [`VerifyError`]. The checks run in this order: the header's form, the MAC, the
    /// timestamp.
    pub fn verify(
        &self,
        header: impl AsRef<[u8]>,
        body: &[u8],
        now: i64,
    ) -> Result<Verified, VerifyError> {
        let mut verification = self.begin([header.as_ref()])?;
        verification.update(body);
        verification.finish(now)
    }

    /// Checks the form of the signature header and starts the MAC. Takes the values of all
    /// lines of that header, of which there must be exactly one. With the `http` crate:
    /// `headers.get_all(SIGNATURE_HEADER).iter().map(HeaderValue::as_bytes)`.
    ///
    /// # Errors
    ///
    /// [`VerifyError::MissingSignature`], [`VerifyError::MalformedSignature`].
    pub fn begin<'a>(
        &self,
        header_lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Verification, VerifyError> {
        let header = SignatureHeader::from_lines(header_lines)?;
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let secrets = Arc::clone(&secrets);
        Ok(Verification::new(secrets, self.tolerance, header))
    }

    fn of(secrets: Secrets) -> Self {
        Self { secrets: Arc::new(RwLock::new(Arc::new(secrets))), tolerance: Tolerance::default() }
    }
}

#[cfg(test)]
mod tests;
