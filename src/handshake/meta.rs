use std::fmt;
use std::sync::Arc;

use super::query::Parameters;
use super::token::Tokens;
use super::{HandshakeError, HandshakeTokenError};

/// The receiver's side of Meta's handshake, for `WhatsApp`, Messenger and Instagram.
///
/// Whenever you edit the webhook's URL or its verify token in the app's settings, Meta sends a GET with
/// `hub.mode=subscribe`, a `hub.verify_token` and a `hub.challenge`. If the token is right, the response
/// is 200 with the challenge. Otherwise it is 403 `Forbidden`, and [`HandshakeError`] has the reason.
///
/// A `MetaHandshake` is a Tower service for any body and, in actix-web, a handler: see
/// [the module](super) for both. In anything else, call [`MetaHandshake::answer`]. It is cheap to
/// clone.
///
/// The verify token is not the app secret, and proves nothing about the webhook's deliveries. Meta sends
/// it in the URL, so it may appear in the access logs of your server and of its proxies.
///
/// ```
/// use nevent_webhooks::handshake::{HandshakeError, MetaHandshake};
///
/// let handshake = MetaHandshake::new("meatyhamhock")?;
/// let query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock";
/// assert_eq!(handshake.answer(Some(query)).as_deref(), Ok("1158201444"));
///
/// let query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a+guess";
/// assert_eq!(handshake.answer(Some(query)), Err(HandshakeError::WrongToken));
/// # Ok::<(), nevent_webhooks::handshake::HandshakeTokenError>(())
/// ```
#[derive(Clone)]
pub struct MetaHandshake {
    tokens: Arc<Tokens>,
}

impl MetaHandshake {
    /// Creates a handshake with the verify token that is set in the app's settings at Meta.
    ///
    /// # Errors
    ///
    /// [`HandshakeTokenError`] if the token is empty or shorter than 8 bytes, begins or ends with white
    /// space, or contains a control character.
    pub fn new(token: impl AsRef<str>) -> Result<Self, HandshakeTokenError> {
        Self::with_tokens([token])
    }

    /// Creates a handshake with several tokens, while you change the token: the new one and the previous
    /// one.
    ///
    /// # Errors
    ///
    /// As [`MetaHandshake::new`], and if there is no token, if there are more than four, or if the same
    /// token was given twice.
    pub fn with_tokens<S: AsRef<str>>(
        tokens: impl IntoIterator<Item = S>,
    ) -> Result<Self, HandshakeTokenError> {
        Ok(Self { tokens: Arc::new(Tokens::new(tokens)?) })
    }

    /// Checks the query of a GET, and returns the challenge to send back.
    ///
    /// `query` is the part of the URL after the `?`, as it was sent. Send the challenge as the whole body
    /// of a 200, with the content type `text/plain` and the header `X-Content-Type-Options: nosniff`.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`], which has the status and the body of the response.
    pub fn answer(&self, query: Option<&str>) -> Result<String, HandshakeError> {
        let sent = Parameters::parse(query.unwrap_or_default())?;
        if sent.mode != b"subscribe" {
            return Err(HandshakeError::UnknownMode);
        }
        if !self.tokens.contain(&sent.token) {
            return Err(HandshakeError::WrongToken);
        }
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        String::from_utf8(sent.challenge)
            .ok()
            .filter(|text| (1..=128).contains(&text.len()) && text.as_bytes().iter().all(is_plain))
            .ok_or(HandshakeError::MalformedChallenge)
    }

    /// Answers a request of any method, and logs the result.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn respond(
        &self,
        method: &str,
        query: Option<&str>,
    ) -> Result<String, HandshakeError> {
        let result = match method {
            "GET" => self.answer(query),
            _ => Err(HandshakeError::MethodNotAllowed),
        };
        let rejected = result.as_ref().err();
        let rejected = rejected.map(|error| (error.status(), error as &dyn fmt::Display));
        crate::observe::log::handshake(rejected);
        result
    }
}

/// Shows nothing of the tokens.
impl fmt::Debug for MetaHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetaHandshake").finish_non_exhaustive()
    }
}
