use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Rejection;

/// A custom body for rejections, with its content type and further headers.
///
/// Return it from the function for
/// [`VerifyOptions::rejection_response`](crate::VerifyOptions::rejection_response) and
/// [`DedupeOptions::rejection_response`](crate::DedupeOptions::rejection_response). The same
/// function works with Tower and with actix-web.
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
    /// Creates a response with this content type and body.
    ///
    /// The sender reads the body, and so may an attacker. [`Rejection::body_text`] is safe to show.
    /// The `Display` text and [`Rejection::as_str`] are for logs.
    pub fn new(content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { content_type: content_type.into(), body: body.into(), headers: Vec::new() }
    }

    /// Adds a header.
    ///
    /// Some headers are ignored: those of [`Rejection::headers`], the content type, names and values
    /// that HTTP does not allow, and headers that frame the message, such as `content-length`,
    /// `transfer-encoding` and `connection`.
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

    /// The further headers, without those that the function may not set.
    pub(crate) fn allowed_headers(
        &self,
        rejection: &Rejection,
    ) -> impl Iterator<Item = (&str, &str)> {
        let protocol: Vec<_> = rejection.headers().map(|(name, _)| name).collect();
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        headers.filter(move |(header, _)| {
            let is = |name: &&str| header.eq_ignore_ascii_case(name);
            !FIXED.iter().any(is) && !protocol.iter().any(is)
        })
    }
}

/// Headers that frame the message, and the content type, which is set separately.
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

/// The function of a layer that returns the responses to rejections, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Respond(Option<Arc<RespondFn>>);

type RespondFn = dyn Fn(&Rejection) -> RejectionResponse + Send + Sync;

impl Respond {
    pub(crate) fn with(
        respond: impl Fn(&Rejection) -> RejectionResponse + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(respond)))
    }

    /// The custom response to a rejection. `None` for the default response.
    pub(crate) fn to(&self, rejection: &Rejection) -> Option<RejectionResponse> {
        self.0.as_ref().map(|respond| respond(rejection))
    }
}

impl fmt::Debug for Respond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Custom" } else { "Default" })
    }
}
