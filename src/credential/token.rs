use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::TokenSetupError;
use super::place::Place;
use crate::scheme::check_header_names;
use crate::signature::{Credential, check_text};

/// The most bytes of a token, or of a user and password.
const MOST_BYTES: usize = 2048;

/// A token that a sender puts into a header of every request.
///
/// **A token proves who knows it, and nothing about the body**: see the [module](crate::token).
///
/// Tokens are compared in constant time. A `Token` keeps only a digest, under a random key of this
/// process. `Debug` shows only the token's name.
///
/// ```
/// use nevent_webhooks::token::Token;
///
/// let current = Token::header("x-make-apikey", "k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let previous = Token::header("x-make-apikey", "0aVnD4bWmTzq7RsuPyXc1LfEh")?.named("previous");
/// assert_eq!(format!("{previous:?}"), r#"Token("previous")"#);
///
/// let weak = Token::header("x-make-apikey", "secret123").unwrap_err();
/// assert!(weak.to_string().starts_with("the token is 9 bytes long and 16 is the least"));
/// # Ok::<(), nevent_webhooks::token::TokenSetupError>(())
/// ```
#[derive(Clone)]
pub struct Token {
    pub(super) place: Place,
    pub(super) credential: Credential,
    pub(super) name: Arc<str>,
    matches: Arc<AtomicU64>,
}

impl Token {
    /// Creates a token that is the whole value of this header, with the name `primary`. The name of
    /// the header is in lower case.
    ///
    /// # Errors
    ///
    /// [`TokenSetupError`] if the header's name is not one, or if [`Secret::new`](crate::Secret::new)
    /// would not accept the text as a secret.
    pub fn header(header: &'static str, token: impl AsRef<str>) -> Result<Self, TokenSetupError> {
        check_header_names(&[Some(header)])?;
        check_text(token.as_ref()).map_err(TokenSetupError::Token)?;
        Self::new(Place::Header(header), token.as_ref().as_bytes())
    }

    /// Creates a token that the sender puts into `Authorization: Bearer <token>`, with the name
    /// `primary`.
    ///
    /// ```
    /// use nevent_webhooks::token::Token;
    ///
    /// let token = Token::bearer("k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// # Ok::<(), nevent_webhooks::token::TokenSetupError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Token::header`].
    pub fn bearer(token: impl AsRef<str>) -> Result<Self, TokenSetupError> {
        check_text(token.as_ref()).map_err(TokenSetupError::Token)?;
        Self::new(Place::Bearer, token.as_ref().as_bytes())
    }

    /// Creates the user and password of HTTP basic authentication (RFC 7617), with the name `primary`.
    /// A sender to which you give `https://user:password@example.com/` sends them that way.
    ///
    /// ```
    /// use nevent_webhooks::token::Token;
    ///
    /// let token = Token::basic("mailjet", "k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// assert!(Token::basic("mail:jet", "k5EKJQnf9sMX2vYzJdHG3L8pR").is_err());
    /// # Ok::<(), nevent_webhooks::token::TokenSetupError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TokenSetupError::User`] if the user contains a colon or a control character, and
    /// [`TokenSetupError::Password`] if [`Secret::new`](crate::Secret::new) would not accept the
    /// password as a secret.
    pub fn basic(
        user: impl AsRef<str>,
        password: impl AsRef<str>,
    ) -> Result<Self, TokenSetupError> {
        let (user, password) = (user.as_ref(), password.as_ref());
        if user.contains(|character: char| character == ':' || character.is_control()) {
            return Err(TokenSetupError::User);
        }
        check_text(password).map_err(TokenSetupError::Password)?;
        let both = Zeroizing::new([user, ":", password].concat());
        Self::new(Place::Basic, both.as_bytes())
    }

    fn new(place: Place, text: &[u8]) -> Result<Self, TokenSetupError> {
        if text.len() > MOST_BYTES {
            return Err(TokenSetupError::TooLong { length: text.len() });
        }
        let credential = Credential::new(text);
        Ok(Self { place, credential, name: "primary".into(), matches: Arc::default() })
    }

    /// Names the token. Handlers and log lines see the name of the token that matched, so that you can
    /// tell when a rotation is over. Put nothing confidential into it.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The token's name, for logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of requests whose token matched this one. Clones count together. When the previous
    /// token's count no longer changes, the rotation is over.
    #[must_use]
    pub fn matches(&self) -> u64 {
        self.matches.load(Ordering::Relaxed)
    }

    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(super) fn count_match(&self) {
        self.matches.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&self.name).finish()
    }
}
