use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Secret, SecretError, from_env, text};
use crate::scheme::Base64Key;

/// Standard Webhooks asks for 24 to 64 bytes.
const MIN_KEY_LENGTH: usize = 24;

impl Secret<Base64Key> {
    /// Creates a secret from base64, with or without the prefix `whsec_`, as senders of Standard
    /// Webhooks show it. Its name is `primary`: see [`Secret::named`].
    ///
    /// ```
    /// use nevent_webhooks::scheme::Scheme;
    /// use nevent_webhooks::{Secret, SecretError};
    ///
    /// let secret = Secret::from_base64("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?;
    /// let verifier = Scheme::standard_webhooks().verifier(secret);
    ///
    /// let error = Secret::from_base64("whsec_no_base64_at_all_but_long_enough").unwrap_err();
    /// assert_eq!(error, SecretError::NotBase64);
    /// # Ok::<(), SecretError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secret::new`]. Also [`SecretError::NotBase64`], and [`SecretError::KeyTooShort`] if the key
    /// has fewer than 24 bytes.
    pub fn from_base64(text: impl AsRef<str>) -> Result<Self, SecretError> {
        let text = text.as_ref();
        match text::check(text) {
            // Its advice is for texts that are keys. The length of this key follows.
            Ok(()) | Err(SecretError::TooShort { .. }) => {}
            Err(error) => return Err(error),
        }
        let digits = text.strip_prefix("whsec_").unwrap_or(text);
        let key = STANDARD.decode(digits).map(Zeroizing::new);
        let key = key.map_err(|_| SecretError::NotBase64)?;
        if key.len() < MIN_KEY_LENGTH {
            return Err(SecretError::KeyTooShort { length: key.len() });
        }
        Ok(Self::from_key("primary", &key))
    }

    /// Reads a secret from an environment variable, whose name becomes the secret's name. The text is
    /// base64: see [`Secret::from_base64`].
    ///
    /// # Errors
    ///
    /// As [`Secret::from_base64`], and if the variable is not set or not UTF-8.
    pub fn base64_from_env(variable: &str) -> Result<Self, SecretError> {
        from_env(variable, |text| Self::from_base64(text))
    }
}
