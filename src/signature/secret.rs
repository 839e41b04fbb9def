mod text;

use std::env::VarError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::{Zeroize, Zeroizing};

use self::text::{MIN_LENGTH, name};
use super::mac::MacKey;
use super::verifier::MAX_SECRETS;

/// A signing secret, as Nevent shows it when a webhook is set up.
///
/// The key is the secret's text as it stands, `whsec_` prefix included; it is
/// never base64-decoded. What is kept is the keyed state of the MAC, computed
/// once here and wiped on drop; `Debug` shows the secret's name alone.
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
#[derive(Clone)]
pub struct Secret {
    name: Arc<str>,
    key: MacKey,
    matches: Arc<AtomicU64>,
}

impl Secret {
    /// Takes the secret's text. Its name is `primary`; see [`Secret::named`].
    ///
    /// # Errors
    ///
    /// Refuses what cannot be a real secret: an empty text, fewer than 16
    /// bytes, the same few characters over and over, a text that was masked
    /// (`whsec_k5EK••••`), a placeholder (`${NAME}`), `NAME=value`, and a quote,
    /// a backtick, a backslash or anything that is not a visible ASCII
    /// character. A real secret has none of these, and with one too many every
    /// delivery would be refused. The error names the character and its place.
    pub fn new(text: impl AsRef<str>) -> Result<Self, SecretError> {
        let text = text.as_ref();
        text::check(text)?;
        Ok(Self::from_key("primary", text.as_bytes()))
    }

    /// Reads the secret from an environment variable, whose name becomes the
    /// secret's name. The copy read is wiped.
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
    /// As [`Secret::new`], and when the variable is not set or not UTF-8.
    pub fn from_env(variable: &str) -> Result<Self, SecretError> {
        let variable_name = || variable.to_owned();
        match std::env::var(variable).map(Zeroizing::new) {
            Ok(text) => match Self::new(text.as_str()) {
                Ok(secret) => Ok(secret.named(variable)),
                Err(reason) => Err(SecretError::Variable {
                    variable: variable_name(),
                    reason: Box::new(reason),
                }),
            },
            Err(VarError::NotPresent) => Err(SecretError::NotSet(variable_name())),
            Err(VarError::NotUnicode(text)) => {
                text.into_encoded_bytes().zeroize();
                Err(SecretError::NotUnicode(variable_name()))
            }
        }
    }

    /// Takes any key at all, however weak. **For tests only**: whoever guesses
    /// the key can forge a delivery.
    ///
    /// # Errors
    ///
    /// Refuses an empty key even so: an unset variable must never pass for one.
    pub fn dangerously_allow_weak(key: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        match key.as_ref() {
            [] => Err(SecretError::Empty),
            key => Ok(Self::from_key("primary", key)),
        }
    }

    /// Names the secret. The name of the one that matched is told to handlers
    /// and logs, so that the end of a rotation can be seen; keep it free of
    /// anything secret.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The secret's name, for logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many deliveries, genuine and fresh, were signed with this secret;
    /// clones count together. Once the previous one stands still, its rotation
    /// is over.
    #[must_use]
    pub fn matches(&self) -> u64 {
        self.matches.load(Ordering::Relaxed)
    }

    pub(crate) fn count_match(&self) {
        self.matches.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn key(&self) -> &MacKey {
        &self.key
    }

    fn from_key(name: &str, key: &[u8]) -> Self {
        Self { name: name.into(), key: MacKey::new(key), matches: Arc::default() }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secret").field(&self.name).finish()
    }
}

crate::text::debug_is_display!(SecretError);

/// Why a text cannot be a signing secret. Never shows the text.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The environment variable is not set.
    #[error("{0} is not set: set it to the signing secret that Nevent shows for this webhook")]
    NotSet(String),
    /// The environment variable is not UTF-8.
    #[error("{0} is not UTF-8: copy the signing secret again from Nevent")]
    NotUnicode(String),
    /// The environment variable holds what cannot be a secret.
    #[error("{variable}: {reason}")]
    Variable {
        /// The variable's name.
        variable: String,
        /// What is wrong with its value.
        reason: Box<SecretError>,
    },
    /// Nothing at all.
    #[error("the signing secret is empty: copy it from Nevent's webhook settings")]
    Empty,
    /// Fewer than 16 bytes.
    #[error(
        "the signing secret is {length} bytes long and {MIN_LENGTH} is the least: \
         make a new one with `openssl rand -hex 32` and set it on both sides"
    )]
    TooShort {
        /// Bytes in the text.
        length: usize,
    },
    /// A character that no secret has: white space, a quote, a backslash, or any
    /// that is not visible ASCII.
    #[error(
        "character {place} of the signing secret is {} (U+{:04X}): copy the secret alone from \
         Nevent's webhook settings, without quotes, escapes, comments or line breaks",
        name(*character),
        u32::from(*character)
    )]
    Character {
        /// The character.
        character: char,
        /// Its place, counted in characters from 1.
        place: usize,
    },
    /// Dots, asterisks or the like in the secret's place.
    #[error(
        "the signing secret is masked with dots, asterisks or the like: \
         have Nevent show it in full, and copy it again"
    )]
    Masked,
    /// A variable or a reference in the secret's place.
    #[error(
        "the signing secret is a placeholder, such as `${{NAME}}` or `<secret>`, that nothing \
         has replaced: put the secret itself in its place"
    )]
    Placeholder,
    /// `NAME=value`.
    #[error(
        "the signing secret looks like a whole line `NAME=value`: \
         give the part after the equals sign alone"
    )]
    Assignment,
    /// Hardly any different bytes.
    #[error(
        "the signing secret repeats the same few characters: \
         make a new one with `openssl rand -hex 32` and set it on both sides"
    )]
    Repetitive,
}

crate::text::debug_is_display!(RotationError);

/// Why [`Verifier::or`](crate::Verifier::or) does not take a secret.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// A fifth secret was given.
    #[error("at most {MAX_SECRETS} secrets at once: remove the ones whose rotation is over")]
    TooManySecrets,
    /// The same secret was given twice: there is no second one to rotate to, and deliveries
    /// signed with it would be refused.
    #[error(
        "the secrets {:?} and {:?} are the same: give the current secret and the one before it, \
         or only one if no rotation is under way", names[0], names[1]
    )]
    SameSecret {
        /// The names of the two, the one given first in front.
        names: [String; 2],
    },
}
