use super::secrets::{RotationError, Secrets};
use super::{Secret, Signer, Verifier};
use crate::scheme::Scheme;

impl<T, K> Scheme<T, K> {
    /// Creates a verifier of this sender's signatures.
    ///
    /// ```
    /// use nevent_webhooks::Secret;
    /// use nevent_webhooks::scheme::Scheme;
    ///
    /// let verifier = Scheme::nevent().verifier(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?);
    /// # Ok::<(), nevent_webhooks::SecretError>(())
    /// ```
    #[must_use]
    pub fn verifier(self, secret: Secret<K>) -> Verifier<T, K> {
        Verifier::of(self.sender, Secrets::one(secret))
    }

    /// Creates a verifier for several secrets, while a rotation is under way: see
    /// [`Verifier::with_secrets`].
    ///
    /// # Errors
    ///
    /// As [`Verifier::with_secrets`].
    pub fn verifier_with(
        self,
        secrets: impl IntoIterator<Item = Secret<K>>,
    ) -> Result<Verifier<T, K>, RotationError> {
        Secrets::new(secrets).map(|secrets| Verifier::of(self.sender, secrets))
    }

    /// Creates a signer that signs as this sender does, for tests and tools.
    #[must_use]
    pub fn signer(self, secret: &Secret<K>) -> Signer<T, K> {
        Signer::of(self.sender, secret)
    }
}
