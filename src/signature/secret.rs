mod text;

#[cfg(feature = "schemes")]
mod base64;

use std::env::VarError;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

#[cfg(feature = "schemes")]
pub(crate) use self::text::check as check_text;
use self::text::{MIN_LENGTH, name};
use super::keyed::KeyedSecret;
use crate::scheme::TextKey;

/// A signing secret, as Nevent shows it when a webhook is set up.
///
/// The key is the secret's whole text, including the `whsec_` prefix. The text is never
/// base64-decoded. A `Secret` keeps only the keyed state of the MAC, which is computed once and
/// wiped on drop. `Debug` shows only the secret's name.
///
/// Most other senders use the text as well. Senders of Standard Webhooks have keys in base64, which are
/// a type of their own: `Secret<Base64Key>`.
///
/// ```
/// use nevent_webhooks::{Secret, SecretError};
///
/// let current = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let previous = Secret::new("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh")?.named("previous");
/// assert_eq!(format!("{previous:?}"), r#"Secret("previous")"#);
///
/// let weak = Secret::new("secret123").unwrap_err();
/// assert!(matches!(weak, SecretError::TooShort { length: 9 }));
/// # Ok::<(), SecretError>(())
/// ```
pub struct Secret<K = TextKey> {
    keyed: KeyedSecret,
    kind: PhantomData<K>,
}

impl Secret {
    /// Creates a secret from its text, with the name `primary`. See [`Secret::named`].
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the text cannot be a real secret: it is empty, shorter than 16 bytes,
    /// repeats the same few characters, was masked (`whsec_k5EK••••`), is a placeholder
    /// (`${NAME}`) or `NAME=value`, or contains a quote, a backtick, a backslash or a
    /// character that is not visible ASCII. A real secret contains none of these, and with one
    /// stray character every delivery would be rejected. The error names the character and its
    /// position.
    pub fn new(text: impl AsRef<str>) -> Result<Self, SecretError> {
        let text = text.as_ref();
        text::check(text)?;
        Ok(Self::from_key("primary", text.as_bytes()))
    }

    /// Reads a secret from an environment variable, whose name becomes the secret's name. This
    /// function wipes its copy of the text.
    ///
    /// ```
    /// use nevent_webhooks::Secret;
    ///
    /// let error = Secret::from_env("NEVENT_SECRET_OF_NO_ONE").unwrap_err();
    /// assert!(error.to_string().starts_with("NEVENT_SECRET_OF_NO_ONE is not set"));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secret::new`], and if the variable is not set or not UTF-8.
    pub fn from_env(variable: &str) -> Result<Self, SecretError> {
        from_env(variable, |text| Self::new(text))
    }

    /// Creates a secret from any key, however weak. **For tests only**: an attacker who
    /// guesses the key can forge deliveries.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] if the key is empty: an unset variable must never become a key.
    pub fn dangerously_allow_weak(key: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        match key.as_ref() {
            [] => Err(SecretError::Empty),
            key => Ok(Self::from_key("primary", key)),
        }
    }

    /// A key that anyone may know, for verifications whose result is ignored.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn decoy() -> Self {
        Self::from_key("decoy", b"decoy")
    }
}

impl<K> Secret<K> {
    /// Names the secret. Handlers and log lines see the name of the secret that matched, so
    /// that you can tell when a rotation is over. Put nothing confidential into it.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.keyed.label.name = name.into();
        self
    }

    /// The secret's name, for logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.keyed.label.name
    }

    /// The number of genuine and fresh deliveries that matched this secret. Clones count
    /// together. When the previous secret's count no longer changes, the rotation is over.
    #[must_use]
    pub fn matches(&self) -> u64 {
        self.keyed.label.matches()
    }

    pub(super) fn keyed(&self) -> &KeyedSecret {
        &self.keyed
    }

    pub(super) fn into_keyed(self) -> KeyedSecret {
        self.keyed
    }

    fn from_key(name: &str, key: &[u8]) -> Self {
        Self { keyed: KeyedSecret::new(name, key), kind: PhantomData }
    }
}

/// Implemented by hand because a derived `Clone` would need a `K` that is `Clone`.
impl<K> Clone for Secret<K> {
    fn clone(&self) -> Self {
        Self { keyed: self.keyed.clone(), kind: PhantomData }
    }
}

impl<K> fmt::Debug for Secret<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secret").field(&self.keyed.label.name).finish()
    }
}

/// Reads the text of a secret from an environment variable, and wipes its copy of the text.
fn from_env<K>(
    variable: &str,
    of_text: impl FnOnce(&str) -> Result<Secret<K>, SecretError>,
) -> Result<Secret<K>, SecretError> {
    let variable_name = || variable.to_owned();
    match std::env::var(variable).map(Zeroizing::new) {
        Ok(text) => match of_text(&text) {
            Ok(secret) => Ok(secret.named(variable)),
            Err(reason) => {
                Err(SecretError::Variable { variable: variable_name(), reason: Box::new(reason) })
            }
        },
        Err(VarError::NotPresent) => Err(SecretError::NotSet(variable_name())),
        Err(VarError::NotUnicode(text)) => {
            text.into_encoded_bytes().zeroize();
            Err(SecretError::NotUnicode(variable_name()))
        }
    }
}

crate::text::debug_is_display!(SecretError);

/// Why a text cannot be a signing secret. The error never shows the text.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The environment variable is not set.
    #[error("{0} is not set: set it to the signing secret that the sender shows for this webhook")]
    NotSet(String),
    /// The environment variable is not UTF-8.
    #[error("{0} is not UTF-8: copy the signing secret again from the sender")]
    NotUnicode(String),
    /// The environment variable's value cannot be a secret.
    #[error("{variable}: {reason}")]
    Variable {
        /// The variable's name.
        variable: String,
        /// The reason why its value cannot be a secret.
        reason: Box<SecretError>,
    },
    /// The text is empty.
    #[error("the signing secret is empty: copy it from the sender's webhook settings")]
    Empty,
    /// The text is shorter than 16 bytes.
    #[error(
        "the signing secret is {length} bytes long and {MIN_LENGTH} is the least: \
         make a new one with `openssl rand -hex 32` and set it on both sides"
    )]
    TooShort {
        /// Bytes in the text.
        length: usize,
    },
    /// The text contains a character that no secret has: white space, a quote, a backslash,
    /// or one that is not visible ASCII.
    #[error(
        "character {place} of the signing secret is {} (U+{:04X}): copy the secret alone from \
         the sender's webhook settings, without quotes, escapes, comments or line breaks",
        name(*character),
        u32::from(*character)
    )]
    Character {
        /// The character.
        character: char,
        /// The position of the character, counted from 1.
        place: usize,
    },
    /// The text is masked: it has dots, asterisks or the like in place of the secret.
    #[error(
        "the signing secret is masked with dots, asterisks or the like: \
         have the sender show it in full, and copy it again"
    )]
    Masked,
    /// The text is a variable or a reference that was never replaced.
    #[error(
        "the signing secret is a placeholder, such as `${{NAME}}` or `<secret>`, that nothing \
         has replaced: put the secret itself in its place"
    )]
    Placeholder,
    /// The text is a whole line `NAME=value`.
    #[error(
        "the signing secret looks like a whole line `NAME=value`: \
         give the part after the equals sign alone"
    )]
    Assignment,
    /// The text repeats the same few characters.
    #[error(
        "the signing secret repeats the same few characters: \
         make a new one with `openssl rand -hex 32` and set it on both sides"
    )]
    Repetitive,
    /// The text is not base64, for a secret whose key is.
    #[error(
        "the signing secret is not base64: copy it whole from the sender's webhook settings, with \
         its `whsec_` prefix"
    )]
    NotBase64,
    /// The key, decoded from base64, is shorter than 24 bytes.
    #[error(
        "the key of the signing secret has {length} bytes and 24 is the least: \
         have the sender make a new one"
    )]
    KeyTooShort {
        /// Bytes in the key.
        length: usize,
    },
}
