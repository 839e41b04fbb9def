use super::mac::Digest;
use crate::Secret;

/// Signs bodies the way Nevent does, for tests and tools.
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
#[derive(Debug, Clone)]
pub struct Signer {
    secret: Secret,
}

impl Signer {
    /// Creates a signer with this secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self { secret: secret.clone() }
    }

    /// The value of `X-Nevent-Signature` for this body, signed at this time in Unix seconds.
    #[must_use]
    pub fn header(&self, unix_seconds: i64, body: &[u8]) -> String {
        format!("t={unix_seconds},v1={}", self.v1(unix_seconds, body))
    }

    /// The 64 hex digits of `v1` alone, for tests that compose their own header.
    #[must_use]
    pub fn v1(&self, unix_seconds: i64, body: &[u8]) -> String {
        hex::encode(self.digest(unix_seconds, body).0)
    }

    fn digest(&self, unix_seconds: i64, body: &[u8]) -> Digest {
        let timestamp = unix_seconds.to_string();
        let mut mac = self.secret.key().start(timestamp.as_bytes());
        mac.update(body);
        mac.finish()
    }
}
