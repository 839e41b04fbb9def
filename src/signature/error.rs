/// Why a delivery failed verification.
///
/// The first three variants mean that a header is missing or malformed. The fourth means that the
/// delivery is not genuine, the last two that it is genuine but not fresh.
///
/// ```
/// use nevent_webhooks::{Secret, Verifier, VerifyError};
///
/// let verifier = Verifier::new(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?);
/// let header = "t=1640995200,v1=16d4b9f5bcd3b88dcc8212688fb8c0691a494cb11579e972cf08579d62e0b61f";
/// let error = verifier.verify(header, b"another body", 1_640_995_200).unwrap_err();
/// assert_eq!(error, VerifyError::InvalidSignature);
/// # Ok::<(), nevent_webhooks::SecretError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no signature header: `X-Nevent-Signature`, or that of the sender's scheme.
    #[error("no signature header")]
    MissingSignature,
    /// There is a signature, but not the header with the time or the id that it covers.
    #[error("the signature covers the header `{header}`, and there is none")]
    #[non_exhaustive]
    MissingSignedHeader {
        /// The header's name.
        header: &'static str,
    },
    /// The signature header is malformed. It cannot match any body.
    #[error("malformed signature header: {reason}")]
    #[non_exhaustive]
    MalformedSignature {
        /// Describes what is wrong with the header.
        reason: &'static str,
    },
    /// No digest is the MAC of this delivery under any secret.
    #[error(
        "no digest matches: the request is forged, the secret is wrong, or the body was changed \
         in transit"
    )]
    InvalidSignature,
    /// The delivery is authentic, but was signed too long ago.
    #[error("authentic, but {age} s old: a late retry, or this receiver's clock is ahead")]
    #[non_exhaustive]
    TimestampTooOld {
        /// Seconds between the signature and the end of the body.
        age: i64,
    },
    /// The delivery is authentic, but its timestamp is too far in the future.
    #[error(
        "authentic, but {ahead} s in the future: this receiver's clock is behind, or the time is not \
         in seconds"
    )]
    #[non_exhaustive]
    TimestampTooNew {
        /// Seconds by which the signature is ahead of the clock.
        ahead: i64,
    },
}
