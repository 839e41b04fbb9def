use std::fmt;
use std::marker::PhantomData;

use super::mac::Digest;
use super::secret::Secret;
use crate::scheme::{
    Encoding, Format, Grammar, Hash, IdSource, NEVENT, Sender, Signed, TextKey, TimeSource, Timed,
    Untimed,
};

/// Signs bodies the way a sender does, for tests and tools.
///
/// ```
/// use nevent_webhooks::{Secret, Signer, Verifier};
///
/// let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let header = Signer::new(&secret).header(1_640_995_200, b"{}");
/// assert!(header.starts_with("t=1640995200,v1="));
///
/// let verifier = Verifier::new(secret);
/// assert!(verifier.verify(&header, b"{}", 1_640_995_200).is_ok());
/// assert!(verifier.verify(&header, b"{ }", 1_640_995_200).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Signer<T = Timed, K = TextKey> {
    sender: Sender,
    secret: Secret<K>,
    kinds: PhantomData<T>,
}

impl Signer {
    /// Creates a signer with this secret, which signs as Nevent does.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self::of(NEVENT, secret)
    }

    /// The digest alone: the 64 hex digits of Nevent's `v1`, for tests that compose their own header.
    #[must_use]
    pub fn v1(&self, unix_seconds: i64, body: &[u8]) -> String {
        self.digest("", unix_seconds, body)
    }

    /// The value of `X-Nevent-Signature` for this body, signed at this time in Unix seconds.
    #[must_use]
    pub fn header(&self, unix_seconds: i64, body: &[u8]) -> String {
        self.signature("", unix_seconds, body)
    }
}

impl<K> Signer<Timed, K> {
    /// The names and values of all headers of a delivery: the signature, the time and the id, as far as
    /// the scheme has a header for each. The time is in Unix seconds.
    ///
    #[cfg_attr(feature = "schemes", doc = "```")]
    #[cfg_attr(not(feature = "schemes"), doc = "```ignore")]
    /// use nevent_webhooks::Secret;
    /// use nevent_webhooks::scheme::Scheme;
    ///
    /// let secret = Secret::from_base64("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")?;
    /// let signer = Scheme::standard_webhooks().signer(&secret);
    /// let headers = signer.headers("msg_1", 1_649_367_553, b"{}");
    /// let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    /// assert_eq!(names, ["webhook-signature", "webhook-timestamp", "webhook-id"]);
    /// # Ok::<(), nevent_webhooks::SecretError>(())
    /// ```
    #[must_use]
    pub fn headers(&self, id: &str, unix_seconds: i64, body: &[u8]) -> Vec<(&'static str, String)> {
        self.all_headers(id, unix_seconds, body)
    }
}

impl<K> Signer<Untimed, K> {
    /// The names and values of all headers of a delivery: the signature, and the id if the scheme has a
    /// header for it.
    #[must_use]
    pub fn headers(&self, id: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        self.all_headers(id, 0, body)
    }
}

impl<T, K> Signer<T, K> {
    pub(super) fn of(sender: Sender, secret: &Secret<K>) -> Self {
        Self { sender, secret: secret.clone(), kinds: PhantomData }
    }

    /// The time is not used if the signature covers none.
    pub(crate) fn all_headers(
        &self,
        id: &str,
        unix_seconds: i64,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let Format { header, signed, .. } = self.sender.format;
        let mut headers = vec![(header, self.signature(id, unix_seconds, body))];
        if let Some(TimeSource::Header(name)) = signed.time() {
            headers.push((name, unix_seconds.to_string()));
        }
        match (signed, self.sender.id) {
            (Signed::IdAndTime { id_header, .. }, _) => headers.push((id_header, id.to_owned())),
            (_, IdSource::Header(name)) => headers.push((name, id.to_owned())),
            _ => {}
        }
        headers
    }

    fn signature(&self, id: &str, unix_seconds: i64, body: &[u8]) -> String {
        let digest = self.digest(id, unix_seconds, body);
        let Format { grammar, signed, .. } = self.sender.format;
        match (grammar, signed.time()) {
            (Grammar::Bare { prefix }, _) => format!("{prefix}{digest}"),
            (Grammar::Versions { version }, _) => format!("{version},{digest}"),
            (Grammar::Items { digest: name }, Some(TimeSource::Item(time))) => {
                format!("{time}={unix_seconds},{name}={digest}")
            }
            (Grammar::Items { digest: name }, _) => format!("{name}={digest}"),
        }
    }

    /// The digest as the header writes it.
    fn digest(&self, id: &str, unix_seconds: i64, body: &[u8]) -> String {
        let time = unix_seconds.to_string();
        let Format { hash, encoding, before, signed, .. } = self.sender.format;
        let start = match signed {
            Signed::Body => before.to_owned(),
            Signed::Time { separator, .. } => format!("{before}{time}{separator}"),
            Signed::IdAndTime { separator, .. } => {
                format!("{before}{id}{separator}{time}{separator}")
            }
        };
        let keys = &self.secret.keyed().keys;
        match hash {
            Hash::Sha256 => encode(keys.sha256.digest::<32>(&[start.as_bytes(), body]), encoding),
            Hash::Sha512 => encode(keys.sha512.digest::<64>(&[start.as_bytes(), body]), encoding),
        }
    }
}

fn encode<const N: usize>(digest: Digest<N>, encoding: Encoding) -> String {
    match encoding {
        #[cfg(feature = "schemes")]
        Encoding::Base64 => {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.encode(digest.0)
        }
        _ => hex::encode(digest.0),
    }
}

/// Implemented by hand because a derived `Clone` would need types that are `Clone`.
impl<T, K> Clone for Signer<T, K> {
    fn clone(&self) -> Self {
        Self { sender: self.sender, secret: self.secret.clone(), kinds: PhantomData }
    }
}

impl<T, K> fmt::Debug for Signer<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("scheme", &self.sender.name)
            .field("secret", &self.secret)
            .finish()
    }
}
