//! How a sender writes its signature, as plain data.

/// The format of a sender's signature: what is signed, and how the headers carry it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) hash: Hash,
    pub(crate) encoding: Encoding,
    /// The header that carries the signature.
    pub(crate) header: &'static str,
    pub(crate) grammar: Grammar,
    /// A fixed text before everything else that is signed. Empty for most senders.
    pub(crate) before: &'static str,
    pub(crate) signed: Signed,
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hash {
    /// HMAC-SHA256: digests of 32 bytes.
    Sha256,
    /// HMAC-SHA512: digests of 64 bytes.
    Sha512,
}

/// How a signature header writes a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Hex digits, in upper or lower case.
    Hex,
    /// Base64 in the standard alphabet, with padding (RFC 4648, section 4).
    Base64,
}

/// The grammar of a signature header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// One digest after a fixed prefix, which may be empty: `sha256=<digest>`.
    Bare { prefix: &'static str },
    /// `name=value` items between commas: `t=<time>,v1=<digest>`. The digests have this name.
    Items { digest: &'static str },
    /// `version,digest` items between spaces: `v1,<digest> v1,<digest>`.
    Versions { version: &'static str },
}

/// The bytes that the MAC covers, after `Format::before`. The body always comes last, so that it
/// can be streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// The body alone.
    Body,
    /// `{time}{separator}{body}`
    Time { time: TimeSource, separator: &'static str },
    /// `{id}{separator}{time}{separator}{body}`
    IdAndTime { id_header: &'static str, time: TimeSource, separator: &'static str },
}

/// Where the time stands that the MAC covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeSource {
    /// An item of the signature header, with this name.
    Item(&'static str),
    /// A header of its own.
    Header(&'static str),
}

#[cfg(feature = "queue")]
impl Format {
    /// The names of the headers without which the signature cannot be checked.
    pub(crate) const fn signed_headers(&self) -> [Option<&'static str>; 3] {
        let time = match self.signed.time() {
            Some(TimeSource::Header(name)) => Some(name),
            _ => None,
        };
        let id = match self.signed {
            Signed::IdAndTime { id_header, .. } => Some(id_header),
            _ => None,
        };
        [Some(self.header), time, id]
    }
}

impl Signed {
    pub(crate) const fn time(self) -> Option<TimeSource> {
        match self {
            Self::Body => None,
            Self::Time { time, .. } | Self::IdAndTime { time, .. } => Some(time),
        }
    }
}
