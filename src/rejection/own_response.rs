use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Rejection;

/// The body, the content type and further headers of a rejection, where the layers' plain
/// text does not suit.
///
/// The function given to
/// [`VerifyOptions::rejection_response`](crate::VerifyOptions::rejection_response) and
/// [`DedupeOptions::rejection_response`](crate::DedupeOptions::rejection_response) returns one.
/// The same function serves Tower and actix-web.
///
/// ```
/// use nevent_webhooks::{Rejection, RejectionResponse};
///
/// fn problem(rejection: &Rejection) -> RejectionResponse {
///     let (status, title) = (rejection.status(), rejection.body_text());
///     let body = format!(r#"{{"status":{status},"title":"{title}"}}"#);
///     RejectionResponse::new("application/problem+json", body).header("cache-control", "no-store")
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RejectionResponse {
    content_type: String,
    body: Bytes,
    headers: Vec<(String, String)>,
}

impl RejectionResponse {
    /// A response with this content type and body.
    ///
    /// The sender, and so an attacker, reads the body. [`Rejection::body_text`] is safe to
    /// show; the `Display` text and [`Rejection::as_str`] are for logs.
    pub fn new(content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { content_type: content_type.into(), body: body.into(), headers: Vec::new() }
    }

    /// Adds a header.
    ///
    /// The headers of [`Rejection::headers`] and the content type keep their values. A header
    /// that frames the message (`content-length`, `transfer-encoding`, `connection` and the
    /// like) is left out, and so is one that HTTP does not allow.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn into_body(self) -> Bytes {
        self.body
    }

    pub(crate) fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The further headers, without those that are not the function's to set.
    pub(crate) fn headers_beside(
        &self,
        rejection: &Rejection,
    ) -> impl Iterator<Item = (&str, &str)> {
        let protocol: Vec<_> = rejection.headers().map(|(name, _)| name).collect();
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        own.filter(move |(own, _)| {
            let is = |name: &&str| own.eq_ignore_ascii_case(name);
            !FIXED.iter().any(is) && !protocol.iter().any(is)
        })
    }
}

/// Headers that frame the message, and the content type, which is set by itself.
const FIXED: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The function of a layer that makes the responses to rejections, or the default.
#[derive(Clone, Default)]
pub(crate) struct Respond(Option<Arc<RespondFn>>);

type RespondFn = dyn Fn(&Rejection) -> RejectionResponse + Send + Sync;

impl Respond {
    pub(crate) fn with(
        respond: impl Fn(&Rejection) -> RejectionResponse + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(respond)))
    }

    /// `None` for the default.
    pub(crate) fn to(&self, rejection: &Rejection) -> Option<RejectionResponse> {
        self.0.as_ref().map(|respond| respond(rejection))
    }
}

impl fmt::Debug for Respond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Own" } else { "Default" })
    }
}
