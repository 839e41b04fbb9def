use crate::{EventError, VerifyError};

/// Why an entry of a queue cannot be read as an [`Envelope`](super::Envelope).
///
/// `Display` is one line. It names the field, and never shows its value or the body. Do not drop the
/// entry: park it, for somebody to look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The entry has another version of the format.
    #[error(
        "the envelope has version {found}, and this release reads version 1: update the worker before \
         the receiver"
    )]
    #[non_exhaustive]
    UnknownVersion {
        /// The version.
        found: u64,
    },
    /// A field is missing.
    #[error(
        "the envelope has no `{field}`: read entries that a hand-over has put, with all of their headers"
    )]
    #[non_exhaustive]
    MissingField {
        /// The field's name in JSON.
        field: &'static str,
    },
    /// A field has a value that it cannot have.
    #[error("the envelope's `{field}` is {reason}: look for what changes entries on their way")]
    #[non_exhaustive]
    MalformedField {
        /// The field's name in JSON.
        field: &'static str,
        /// Describes what is wrong.
        reason: &'static str,
    },
    /// The entry is not the JSON of an envelope.
    #[error("not the JSON of an envelope: {}: read entries that a hand-over has put", .0.placed())]
    NotJson(EventError),
}

impl EnvelopeError {
    pub(super) fn malformed(field: &'static str, reason: &'static str) -> Self {
        Self::MalformedField { field, reason }
    }
}

/// Why [`Envelope::verify`](super::Envelope::verify) does not accept an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeVerifyError {
    /// The envelope has no signature.
    #[error("the envelope has no signature: tell the hand-over to `keep_signature`")]
    NoSignature,
    /// The envelope is one event of a batch. The sender signed the batch as a whole.
    #[error(
        "an event of a batch has no signature of its own: only a whole delivery can be verified"
    )]
    PartOfBatch,
    /// The signature is not genuine, or was not fresh when the receiver says that it had the body.
    #[error("the envelope's signature was rejected: {0}")]
    Signature(#[from] VerifyError),
    /// The signature is genuine, but a field is not what the signed bytes say.
    #[error("the envelope's `{field}` is not what the signed bytes say: somebody has changed it")]
    #[non_exhaustive]
    Changed {
        /// The field's name in JSON.
        field: &'static str,
    },
}
