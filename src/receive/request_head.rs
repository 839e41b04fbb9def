use std::fmt;

/// The head of a request that is not yet verified.
///
/// The function of [`VerifyLayer::per_tenant`](crate::VerifyLayer::per_tenant) chooses a tenant by
/// it. The type is the same for all frameworks. Nothing in the head is verified, so an attacker may
/// have written all of it.
///
/// ```
/// use nevent_webhooks::RequestHead;
///
/// /// `acme`, for `https://acme.example.com/` and for `/webhooks/acme`.
/// fn tenant_name<'a>(head: &'a RequestHead<'_>) -> Option<&'a str> {
///     let by_host = head.host().and_then(|host| host.strip_suffix(".example.com"));
///     by_host.or_else(|| head.path().strip_prefix("/webhooks/"))
/// }
/// ```
pub struct RequestHead<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) authority: Option<&'a str>,
    pub(crate) headers: &'a dyn Headers,
}

/// The headers of a request, in its framework's type.
pub(crate) trait Headers {
    /// The first two values of a header.
    fn first_two(&self, name: &str) -> [Option<&[u8]>; 2];
}

impl RequestHead<'_> {
    /// The method, such as `POST`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method
    }

    /// The path as the layer sees it, still percent-encoded. In a nested axum `Router` it lacks the
    /// prefix that the outer router matched.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path
    }

    /// The query, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query
    }

    /// The host that the request names, with its port if there is one. It is the authority of the
    /// URI, as in HTTP/2, otherwise the `Host` header.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.authority.or_else(|| self.header("host"))
    }

    /// The value of a header. `None` if the header is missing, has more than one line, or is
    /// not visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        match self.headers.first_two(name) {
            [Some(value), None] => crate::delivery::printable_ascii(value),
            _ => None,
        }
    }
}

/// Shows the method and the path. Headers may be confidential.
impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
