/// Why a handshake failed.
///
/// The text is for logs and shows nothing of the request. The caller gets [`HandshakeError::status`]
/// and [`HandshakeError::body_text`], which do not tell a wrong token from a missing one.
///
/// In Tower the error is in the response's extensions. In actix-web it is the response's error.
///
/// ```
/// use nevent_webhooks::handshake::{HandshakeError, MetaHandshake};
///
/// let handshake = MetaHandshake::new("meatyhamhock")?;
/// let error = handshake.answer(None).unwrap_err();
/// assert_eq!(error, HandshakeError::MissingParameter { name: "hub.mode" });
/// assert_eq!((error.status(), error.body_text()), (403, "Forbidden"));
/// # Ok::<(), nevent_webhooks::handshake::HandshakeTokenError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The request is no GET.
    #[error("a handshake is a GET: give requests with other methods another route")]
    MethodNotAllowed,
    /// A parameter is missing.
    #[error("the query has no `{name}`: this is no handshake of Meta's")]
    MissingParameter {
        /// The parameter's name.
        name: &'static str,
    },
    /// A parameter is there twice.
    #[error("the query has `{name}` twice: this is no handshake of Meta's")]
    RepeatedParameter {
        /// The parameter's name.
        name: &'static str,
    },
    /// A parameter has a `%` that two hex digits do not follow.
    #[error("`{name}` has a malformed percent escape: this is no handshake of Meta's")]
    MalformedParameter {
        /// The parameter's name.
        name: &'static str,
    },
    /// The mode is not `subscribe`.
    #[error("`hub.mode` is not `subscribe`: this is no handshake of Meta's")]
    UnknownMode,
    /// The token is none of the receiver's.
    #[error("wrong verify token: set the same token in the app's settings at Meta and here")]
    WrongToken,
    /// The challenge is empty, longer than 128 bytes, or has a character that is not `A-Z`, `a-z`,
    /// `0-9`, `_` or `-`. If such a challenge were sent back, the endpoint could be made to reflect a
    /// script.
    #[error("`hub.challenge` is not 1 to 128 letters, digits, `_` or `-`: it is not sent back")]
    MalformedChallenge,
}

impl HandshakeError {
    /// The HTTP status of the response: 403, or 405 for another method than GET.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::MethodNotAllowed => 405,
            _ => 403,
        }
    }

    /// The whole body of the response, as plain text.
    #[must_use]
    pub fn body_text(&self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "Method not allowed",
            _ => "Forbidden",
        }
    }

    /// The header that goes with the status: `allow` with 405 (RFC 9110, 15.5.6).
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn header(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::MethodNotAllowed => Some(("allow", "GET")),
            _ => None,
        }
    }
}
