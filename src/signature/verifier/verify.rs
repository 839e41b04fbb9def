//! The ways to verify one request.

use std::borrow::BorrowMut;
use std::sync::{PoisonError, RwLockReadGuard};

use super::super::header::only_line;
use super::super::secrets::Secrets;
use super::super::{Tolerance, Verification, Verified, VerifyError};
use super::Verifier;
use crate::scheme::Sender;

impl<T, K> Verifier<T, K> {
    /// Verifies a whole body against the value of its signature header, without
    /// allocating. `now` is in Unix seconds.
    ///
    /// A request with several lines of that header must be rejected, but `HeaderMap::get` returns only
    /// the first line. Use [`Verifier::begin`], which takes all lines.
    ///
    /// # Errors
    ///
    /// [`VerifyError`]. The checks run in this order: header, MAC, timestamp.
    pub fn verify(
        &self,
        header: impl AsRef<[u8]>,
        body: &[u8],
        now: i64,
    ) -> Result<Verified, VerifyError> {
        // Not from `begin`, because its result would be moved, which costs more than the header.
        let secrets = self.secrets();
        let mut verification = Verification::new(&self.shared.sender, &secrets, self.accepts);
        self.fill(&mut verification, secrets, header.as_ref(), no_header)?;
        verification.update(body);
        // Not `finish`, which would move the running MACs and could leave a copy of them behind.
        verification.check_all(now)
    }

    /// Parses the signature header and starts the MAC. `header_lines` are the values of all lines of
    /// that header, of which there must be exactly one. With the `http` crate they are
    /// `headers.get_all(SIGNATURE_HEADER).iter().map(HeaderValue::as_bytes)`.
    ///
    /// Use [`Verifier::begin_request`] for a scheme that signs further headers, such as Slack's.
    ///
    /// # Errors
    ///
    /// [`VerifyError::MissingSignature`] if there is no line, and
    /// [`VerifyError::MalformedSignature`] if there are several or the line is malformed.
    pub fn begin<'a>(
        &self,
        header_lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Verification, VerifyError> {
        let line = only_line(header_lines, VerifyError::MissingSignature)?;
        self.start(Verification::new, line, no_header)
    }

    /// Parses the signature header and every other header that the signature covers, and starts the
    /// MAC. `lines_of` returns the values of all lines of a header. The names it gets are in lower
    /// case.
    ///
    #[cfg_attr(feature = "schemes", doc = "```")]
    #[cfg_attr(not(feature = "schemes"), doc = "```ignore")]
    /// use nevent_webhooks::Secret;
    /// use nevent_webhooks::scheme::Scheme;
    ///
    /// let verifier = Scheme::slack().verifier(Secret::new("8f742231b10e8888abcd99yyyzzz85a5")?);
    /// let headers = [
    ///     ("X-Slack-Request-Timestamp", "1531420618"),
    ///     ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
    /// ];
    /// let mut verification = verifier.begin_request(|name| {
    ///     headers
    ///         .iter()
    ///         .filter(move |(header, _)| header.eq_ignore_ascii_case(name))
    ///         .map(|(_, value)| value.as_bytes())
    /// })?;
    /// verification.update(b"token=...");
    /// assert!(verification.finish(1_531_420_618).is_err(), "another body");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Verifier::begin`], and [`VerifyError::MissingSignedHeader`].
    pub fn begin_request<'a, L: IntoIterator<Item = &'a [u8]>>(
        &self,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Result<Verification, VerifyError> {
        self.start_request(Verification::new, lines_of)
    }

    /// The same in a box, for the layers. With the MACs inside it, the future of a request would be
    /// larger than the blocks that the allocator keeps at hand.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn begin_boxed<'a, L: IntoIterator<Item = &'a [u8]>>(
        &self,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Result<Box<Verification>, VerifyError> {
        self.start_request(Verification::boxed, lines_of)
    }

    fn start_request<'a, V: BorrowMut<Verification>, L: IntoIterator<Item = &'a [u8]>>(
        &self,
        new: impl FnOnce(&Sender, &Secrets, Tolerance) -> V,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Result<V, VerifyError> {
        let signature = lines_of(self.shared.sender.format.header);
        let line = only_line(signature, VerifyError::MissingSignature)?;
        self.start(new, line, |header| {
            only_line(lines_of(header), VerifyError::MissingSignedHeader { header })
        })
    }

    /// Starts the MACs where `new` puts the verification, because moving them takes longer.
    fn start<'a, V: BorrowMut<Verification>>(
        &self,
        new: impl FnOnce(&Sender, &Secrets, Tolerance) -> V,
        line: &'a [u8],
        line_of: impl Fn(&'static str) -> Result<&'a [u8], VerifyError>,
    ) -> Result<V, VerifyError> {
        let secrets = self.secrets();
        let mut placed = new(&self.shared.sender, &secrets, self.accepts);
        self.fill(placed.borrow_mut(), secrets, line, line_of)?;
        Ok(placed)
    }

    /// Starts the MACs, and feeds them everything that comes before the body.
    #[inline]
    fn fill<'a>(
        &self,
        verification: &mut Verification,
        secrets: RwLockReadGuard<'_, Secrets>,
        line: &'a [u8],
        line_of: impl Fn(&'static str) -> Result<&'a [u8], VerifyError>,
    ) -> Result<(), VerifyError> {
        verification.start(&secrets);
        drop(secrets);
        verification.read_headers(&self.shared.sender.format, line, line_of)
    }

    fn secrets(&self) -> RwLockReadGuard<'_, Secrets> {
        self.shared.secrets.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For a request of which only the signature header is known.
fn no_header<'a>(header: &'static str) -> Result<&'a [u8], VerifyError> {
    Err(VerifyError::MissingSignedHeader { header })
}
