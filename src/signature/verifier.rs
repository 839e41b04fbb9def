mod verify;

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use super::Tolerance;
use super::secrets::{RotationError, Secrets};
use crate::Secret;
use crate::scheme::{NEVENT, Sender, TextKey, Timed};

/// A verifier of signatures, which accepts genuine and fresh deliveries and rejects all others.
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
/// assert_eq!(verified.age(), Some(60));
///
/// // … or piece by piece, as the body arrives.
/// let mut verification = verifier.begin([header.as_bytes()])?;
/// let (start, end) = body.split_at(10);
/// verification.update(start);
/// verification.update(end);
/// assert_eq!(verification.finish(now)?.timestamp(), Some(1_640_995_200));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The type parameters are for the [`Scheme`](crate::scheme::Scheme)s of other senders: whether the
/// signature covers a time, and how a secret's text becomes a key.
pub struct Verifier<T = Timed, K = TextKey> {
    shared: Arc<Shared>,
    /// Named unlike the method `tolerance`. Otherwise the compiler would speak of a private field where a
    /// scheme has no such method.
    accepts: Tolerance,
    kinds: PhantomData<(T, K)>,
}

struct Shared {
    sender: Sender,
    secrets: RwLock<Secrets>,
}

impl Verifier {
    /// Creates a verifier for this secret, with the default [`Tolerance`] of 300 s.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self::of(NEVENT, Secrets::one(secret))
    }

    /// Creates a verifier for several secrets, while a rotation is under way: the current secret
    /// first, then the previous one.
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
        Secrets::new(secrets).map(|secrets| Self::of(NEVENT, secrets))
    }

    /// A verifier for requests that are rejected whatever it returns, so any key will do.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn decoy(sender: Sender) -> Self {
        Self::of(sender, Secrets::one(Secret::decoy()))
    }
}

impl<K> Verifier<Timed, K> {
    /// Sets how old a signature may be, and how far in the future. Default 300 s each.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Tolerance) -> Self {
        self.accepts = tolerance;
        self
    }
}

impl<T, K> Verifier<T, K> {
    /// Replaces the secrets of this verifier and of all its clones, including those in the layers of
    /// a running receiver. No restart is needed.
    ///
    /// Requests that arrive from now on are checked with the new secrets. Verifications in
    /// progress finish with the secrets they began with, and wipe their own state when they end. The
    /// replaced secrets are wiped at once, unless you keep a [`Secret`]. Keep a clone of the
    /// previous secret to read [`Secret::matches`]; another `Secret` of the same text
    /// counts from zero.
    ///
    /// # Rotating without losing a delivery
    ///
    /// 1. Add the new secret in front of the old one in **every** receiver:
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
        secrets: impl IntoIterator<Item = Secret<K>>,
    ) -> Result<(), RotationError> {
        let secrets = Secrets::new(secrets)?;
        let mut current = self.shared.secrets.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = std::mem::replace(&mut *current, secrets);
        // Wiped after the lock is released. Otherwise requests would wait for the wiping.
        drop(current);
        drop(replaced);
        Ok(())
    }

    /// The same verifier, without the types that say what its scheme needs.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn erased(self) -> Verifier {
        Verifier { shared: self.shared, accepts: self.accepts, kinds: PhantomData }
    }

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn sender(&self) -> &Sender {
        &self.shared.sender
    }

    pub(super) fn of(sender: Sender, secrets: Secrets) -> Self {
        let shared = Arc::new(Shared { sender, secrets: RwLock::new(secrets) });
        Self { shared, accepts: Tolerance::default(), kinds: PhantomData }
    }
}

/// Implemented by hand because a derived `Clone` would need types that are `Clone`.
impl<T, K> Clone for Verifier<T, K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), accepts: self.accepts, kinds: PhantomData }
    }
}

impl<T, K> fmt::Debug for Verifier<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("scheme", &self.shared.sender.name)
            .field("tolerance", &self.accepts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
