use std::fmt;

use crate::SecretError;
use crate::scheme::SchemeError;

/// Why a request's token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The request has no token: the header is missing.
    #[error("no token: the sender was not told it, or this is not the sender")]
    #[non_exhaustive]
    MissingToken {
        /// The value of `WWW-Authenticate` in the response.
        challenge: &'static str,
    },
    /// The header is malformed. It cannot hold any token.
    #[error("malformed token: {reason}")]
    #[non_exhaustive]
    MalformedToken {
        /// The value of `WWW-Authenticate` in the response.
        challenge: &'static str,
        /// Describes what is wrong with the header.
        reason: &'static str,
    },
    /// The token is none of the layer's.
    #[error("no token matches: this is not the sender, or one of the two has an old token")]
    #[non_exhaustive]
    InvalidToken {
        /// The value of `WWW-Authenticate` in the response.
        challenge: &'static str,
    },
}

impl TokenError {
    pub(crate) fn challenge(&self) -> &'static str {
        match self {
            Self::MissingToken { challenge }
            | Self::MalformedToken { challenge, .. }
            | Self::InvalidToken { challenge } => challenge,
        }
    }
}

crate::text::debug_is_display!(TokenSetupError);

/// Why a token, or a layer with tokens, cannot be created. The error never shows a token.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenSetupError {
    /// The name of a header is not one, two of the headers are the same, or the path to a field of the
    /// body is not one.
    #[error(transparent)]
    Name(#[from] SchemeError),
    /// The text cannot be a token.
    #[error("{}", Flaw::of("token", .0))]
    Token(SecretError),
    /// The text cannot be a password.
    #[error("{}", Flaw::of("password", .0))]
    Password(SecretError),
    /// The user contains a colon, which ends it, or a control character.
    #[error("the user contains a colon or a control character: choose one without")]
    User,
    /// The token, or the user and password together, are too long.
    #[error("the token is {length} bytes long and 2048 is the most: use a shorter one")]
    TooLong {
        /// Bytes in the token.
        length: usize,
    },
    /// There is no token.
    #[error("no token was given: give at least the current one")]
    NoToken,
    /// There are more than four tokens.
    #[error("at most 4 tokens at once: remove the ones whose rotation is over")]
    TooManyTokens,
    /// The same token was given twice, so there is no second token to rotate to.
    #[error(
        "the tokens {:?} and {:?} are the same: give the current token and the one before it, or only \
         one if no rotation is under way", names[0], names[1]
    )]
    #[non_exhaustive]
    SameToken {
        /// The names of the two, in the order in which they were given.
        names: [String; 2],
    },
    /// The tokens are not all in the same header and of the same kind.
    #[error(
        "the tokens are in different headers or of different kinds: give each kind a layer and a \
         route of its own"
    )]
    DifferentPlaces,
}

/// The reason why a text is refused, in the words for a token or a password.
struct Flaw<'a> {
    of: &'a str,
    reason: &'a SecretError,
}

impl<'a> Flaw<'a> {
    fn of(of: &'a str, reason: &'a SecretError) -> Self {
        Self { of, reason }
    }
}

impl fmt::Display for Flaw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, reason } = self;
        match reason {
            SecretError::Empty => write!(f, "the {of} is empty: set it to what the sender sends"),
            SecretError::TooShort { length } => write!(
                f,
                "the {of} is {length} bytes long and 16 is the least: make a new one with `openssl \
                 rand -hex 32` and set it on both sides"
            ),
            SecretError::Repetitive => write!(
                f,
                "the {of} repeats the same few characters: make a new one with `openssl rand -hex 32` \
                 and set it on both sides"
            ),
            SecretError::Masked => write!(
                f,
                "the {of} is masked with dots, asterisks or the like: copy it again in full"
            ),
            SecretError::Placeholder => write!(
                f,
                "the {of} is a placeholder, such as `${{NAME}}`, that nothing has replaced: put the \
                 {of} itself in its place"
            ),
            SecretError::Assignment => write!(
                f,
                "the {of} looks like a whole line `NAME=value`: give the part after the equals sign \
                 alone"
            ),
            SecretError::Character { character, place } => write!(
                f,
                "character {place} of the {of} is U+{:04X}: use visible ASCII without quotes and \
                 backslashes, and copy the {of} alone",
                u32::from(*character)
            ),
            other => write!(f, "the {of} cannot be used: {other}"),
        }
    }
}
