use crate::signature::{Credential, Credentials, MAX_CREDENTIALS};

const MIN_LENGTH: usize = 8;

/// The verify tokens of a receiver, one to four.
pub(super) struct Tokens(Credentials);

impl Tokens {
    pub(super) fn new<S: AsRef<str>>(
        texts: impl IntoIterator<Item = S>,
    ) -> Result<Self, HandshakeTokenError> {
        let mut tokens = Vec::with_capacity(MAX_CREDENTIALS);
        for text in texts {
            check(text.as_ref())?;
            let token = Credential::new(text.as_ref().as_bytes());
            if Credentials::new(&tokens).position_of(&token).is_some() {
                return Err(HandshakeTokenError::SameTwice);
            }
            if tokens.len() == MAX_CREDENTIALS {
                return Err(HandshakeTokenError::TooMany);
            }
            tokens.push(token);
        }
        if tokens.is_empty() {
            return Err(HandshakeTokenError::NoToken);
        }
        Ok(Self(Credentials::new(&tokens)))
    }

    /// Whether the text is one of the tokens. All are compared, in constant time.
    pub(super) fn contain(&self, text: &[u8]) -> bool {
        self.0.position_of(&Credential::new(text)).is_some()
    }
}

fn check(text: &str) -> Result<(), HandshakeTokenError> {
    if text.trim().is_empty() {
        return Err(HandshakeTokenError::Empty);
    }
    if text.trim() != text || text.contains(char::is_control) {
        return Err(HandshakeTokenError::StraySpace);
    }
    if text.len() < MIN_LENGTH {
        return Err(HandshakeTokenError::TooShort { length: text.len() });
    }
    Ok(())
}

crate::text::debug_is_display!(HandshakeTokenError);

/// Why texts cannot be the verify tokens of a receiver. The error never shows them.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeTokenError {
    /// The token is empty or blank.
    #[error("the verify token is empty: choose one and set it in the app's settings at Meta too")]
    Empty,
    /// The token begins or ends with white space, or contains a control character such as a line feed.
    #[error(
        "the verify token begins or ends with white space or contains a control character: \
         give the token alone"
    )]
    StraySpace,
    /// The token is shorter than 8 bytes.
    #[error(
        "the verify token is {length} bytes long and {MIN_LENGTH} is the least: \
         choose a longer one and set it in the app's settings at Meta too"
    )]
    TooShort {
        /// Bytes in the token.
        length: usize,
    },
    /// There is no token.
    #[error("there is no verify token: give at least one")]
    NoToken,
    /// There are more than four tokens.
    #[error(
        "there are more than {MAX_CREDENTIALS} verify tokens: remove those that are out of use"
    )]
    TooMany,
    /// The same token was given twice.
    #[error("the same verify token was given twice: give the new one and the previous one")]
    SameTwice,
}
