//! The grammar of `X-Nevent-Signature`.

use arrayvec::ArrayVec;

use super::VerifyError;
use super::mac::Digest;

/// The header that carries the signature: `t=<Unix seconds>,v1=<64 hex digits>`.
pub const SIGNATURE_HEADER: &str = "x-nevent-signature";

const MAX_LENGTH: usize = 1024;
const MAX_DIGESTS: usize = 8;

/// A well-formed signature header. Only the body can show whether the signature matches.
pub(crate) struct SignatureHeader {
    pub(crate) timestamp: Timestamp,
    pub(crate) digests: ArrayVec<Digest, MAX_DIGESTS>,
}

impl SignatureHeader {
    /// Parses the values of all signature header lines of a request. There must be exactly one line.
    pub(crate) fn from_lines<'a>(
        lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, VerifyError> {
        let mut lines = lines.into_iter();
        let line = lines.next().ok_or(VerifyError::MissingSignature)?;
        if lines.next().is_some() {
            return Err(malformed("more than one header line"));
        }
        Self::parse(line)
    }

    /// Parses `item *( "," OWS item )`, where each item is `name "=" value`. There must be one `t` and
    /// one to eight `v1`. Other names are ignored, because they may belong to a future scheme.
    fn parse(line: &[u8]) -> Result<Self, VerifyError> {
        if line.len() > MAX_LENGTH {
            return Err(malformed("longer than 1024 bytes"));
        }
        let mut timestamp = None;
        let mut digests = ArrayVec::new();
        for item in line.split(|byte| *byte == b',') {
            match split_item(skip_blanks(item))? {
                (b"t", _) if timestamp.is_some() => return Err(malformed("more than one `t`")),
                (b"t", value) => timestamp = Some(Timestamp::parse(value)?),
                (b"v1", value) => digests
                    .try_push(parse_digest(value)?)
                    .map_err(|_| malformed("more than 8 `v1`"))?,
                _ => {}
            }
        }
        let timestamp = timestamp.ok_or(malformed("no `t`"))?;
        if digests.is_empty() {
            return Err(malformed("no `v1`"));
        }
        Ok(Self { timestamp, digests })
    }
}

/// The `t` of a signature. The MAC covers its text; the tolerance applies to its value.
#[derive(Clone)]
pub(crate) struct Timestamp {
    pub(crate) text: ArrayVec<u8, 19>,
    pub(crate) unix_seconds: i64,
}

impl Timestamp {
    /// Parses decimal digits without sign, blanks or leading zero, at most `i64::MAX`.
    fn parse(text: &[u8]) -> Result<Self, VerifyError> {
        const REASON: &str = "`t` is not a plain decimal number of seconds";
        let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let leading_zero = text.len() > 1 && text.starts_with(b"0");
        if !plain || leading_zero {
            return Err(malformed(REASON));
        }
        let value = text.iter().try_fold(0_i64, |value, digit| {
            value.checked_mul(10)?.checked_add(i64::from(digit.checked_sub(b'0')?))
        });
        // More than 19 digits overflow an `i64`, so the text fits when the value does.
        match (value, ArrayVec::try_from(text)) {
            (Some(unix_seconds), Ok(text)) => Ok(Self { text, unix_seconds }),
            _ => Err(malformed(REASON)),
        }
    }
}

fn split_item(item: &[u8]) -> Result<(&[u8], &[u8]), VerifyError> {
    let mut parts = item.splitn(2, |byte| *byte == b'=');
    match (parts.next(), parts.next()) {
        (Some(name), Some(value)) => Ok((name, value)),
        _ => Err(malformed("an item without `=`")),
    }
}

fn skip_blanks(mut item: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = item {
        item = rest;
    }
    item
}

fn parse_digest(text: &[u8]) -> Result<Digest, VerifyError> {
    let mut digest = [0; Digest::LENGTH];
    // Any length but 64 is an error: otherwise a prefix of a digest could be compared.
    hex::decode_to_slice(text, &mut digest)
        .map_err(|_| malformed("a `v1` that is not 64 hex digits"))?;
    Ok(Digest(digest))
}

fn malformed(reason: &'static str) -> VerifyError {
    VerifyError::MalformedSignature { reason }
}
