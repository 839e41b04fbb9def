//! The grammars of signature headers.

use arrayvec::ArrayVec;

use super::VerifyError;
use super::mac::Digest;
use super::timestamp::Timestamp;
use crate::scheme::{Encoding, Format, Grammar, TimeSource};

const MAX_LENGTH: usize = 1024;
const MAX_DIGESTS: usize = 8;

/// The digests of a signature header. A digest of `N` bytes.
pub(crate) type Digests<const N: usize> = ArrayVec<Digest<N>, MAX_DIGESTS>;

/// Parses the only line of a signature header, and returns the time if the format has it there.
///
/// There are one to eight digests, of which at least one is well-formed. A malformed one beside it may
/// belong to a future version of the scheme. Only the body can show whether one of them matches.
pub(super) fn read_header<'a, const N: usize>(
    line: &'a [u8],
    format: &Format,
    digests: &mut Digests<N>,
) -> Result<Option<Timestamp<'a>>, VerifyError> {
    if line.len() > MAX_LENGTH {
        return Err(malformed("longer than 1024 bytes"));
    }
    let item_of_time = item_of_time(format);
    let mut found = Found { encoding: format.encoding, time: None, digests, all_digests: 0 };
    match format.grammar {
        Grammar::Bare { prefix } => found.bare(line, prefix)?,
        Grammar::Items { digest } => found.items(line, item_of_time, digest)?,
        Grammar::Versions { version } => found.versions(line, version)?,
    }
    found.finish(item_of_time.is_some())
}

fn item_of_time(format: &Format) -> Option<&'static str> {
    match format.signed.time() {
        Some(TimeSource::Item(name)) => Some(name),
        _ => None,
    }
}

/// The parts that the parser has found in a header so far.
struct Found<'a, 'd, const N: usize> {
    encoding: Encoding,
    time: Option<Timestamp<'a>>,
    digests: &'d mut Digests<N>,
    /// With those that are malformed.
    all_digests: usize,
}

impl<'a, const N: usize> Found<'a, '_, N> {
    /// `prefix digest`
    fn bare(&mut self, line: &[u8], prefix: &str) -> Result<(), VerifyError> {
        match line.strip_prefix(prefix.as_bytes()) {
            Some(digest) => self.add_digest(digest),
            None => Err(malformed("without the prefix of a digest")),
        }
    }

    /// `item *( "," OWS item )`, where each item is `name "=" value`. Other names are ignored, because
    /// they may belong to a future version of the scheme.
    fn items(
        &mut self,
        line: &'a [u8],
        time: Option<&str>,
        digest: &str,
    ) -> Result<(), VerifyError> {
        for item in split(line, b',') {
            let (name, value) = split_item(skip_blanks(item))?;
            if name == digest.as_bytes() {
                self.add_digest(value)?;
            } else if time.is_some_and(|time| name == time.as_bytes()) {
                self.add_time(value)?;
            }
        }
        Ok(())
    }

    /// `version "," digest *( SP version "," digest )`. Other versions are ignored.
    fn versions(&mut self, line: &[u8], version: &str) -> Result<(), VerifyError> {
        for item in split(line, b' ') {
            let digest = item.strip_prefix(version.as_bytes());
            if let Some([b',', digest @ ..]) = digest {
                self.add_digest(digest)?;
            }
        }
        Ok(())
    }

    fn add_time(&mut self, text: &'a [u8]) -> Result<(), VerifyError> {
        if self.time.is_some() {
            return Err(malformed("more than one time"));
        }
        self.time = Some(Timestamp::parse(text)?);
        Ok(())
    }

    fn add_digest(&mut self, text: &[u8]) -> Result<(), VerifyError> {
        self.all_digests = self.all_digests.saturating_add(1);
        if self.all_digests > MAX_DIGESTS {
            return Err(malformed("more than 8 digests"));
        }
        if let Some(digest) = decode(text, self.encoding) {
            self.digests.push(digest);
        }
        Ok(())
    }

    fn finish(self, needs_time: bool) -> Result<Option<Timestamp<'a>>, VerifyError> {
        if needs_time && self.time.is_none() {
            return Err(malformed("no time"));
        }
        match (self.all_digests, self.digests.len()) {
            (0, _) => Err(malformed("no digest of the right version")),
            (_, 0) => Err(malformed("a digest of the wrong length or with a wrong character")),
            _ => Ok(self.time),
        }
    }
}

/// The parts of a line between separators.
fn split(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let item = line.get(..length_before(line, separator))?;
        rest = line.get(item.len().saturating_add(1)..);
        Some(item)
    })
}

/// How many bytes there are before the first separator. Compares sixteen at a time, as otherwise the
/// search in the digits of a digest would take a tenth of a short delivery's verification.
fn length_before(line: &[u8], separator: u8) -> usize {
    // Without branches: `any` would keep the compiler from vector instructions.
    let is_separator = |byte: &u8| u8::from(*byte == separator);
    let has_none =
        |chunk: &&[u8; 16]| chunk.iter().map(is_separator).fold(0, |has, is| has | is) == 0;
    let chunks = line.as_chunks().0.iter().take_while(has_none).count();
    let start = chunks.saturating_mul(16);
    let rest = line.iter().skip(start).take_while(|byte| **byte != separator).count();
    start.saturating_add(rest)
}

fn split_item(item: &[u8]) -> Result<(&[u8], &[u8]), VerifyError> {
    let equals =
        item.iter().position(|byte| *byte == b'=').and_then(|at| item.split_at_checked(at));
    match equals {
        Some((name, [b'=', value @ ..])) => Ok((name, value)),
        _ => Err(malformed("an item without `=`")),
    }
}

fn skip_blanks(mut item: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = item {
        item = rest;
    }
    item
}

/// Any other length is an error: otherwise a prefix of a digest could be compared.
fn decode<const N: usize>(text: &[u8], encoding: Encoding) -> Option<Digest<N>> {
    match encoding {
        Encoding::Hex => decode_hex(text).map(Digest),
        #[cfg(feature = "schemes")]
        Encoding::Base64 => decode_base64(text).map(Digest),
        #[cfg(not(feature = "schemes"))]
        Encoding::Base64 => None,
    }
}

/// Decodes hex digits without a branch for each. The processor guesses every third branch of
/// `hex::decode_to_slice` wrong, as the digits are random, which takes as long as hashing 200 bytes.
fn decode_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = text.as_chunks() else { return None };
    let pairs: [[u8; 2]; N] = pairs.try_into().ok()?;
    let mut is_hex = true;
    let digest = pairs.map(|pair| {
        let [high, low] = pair.map(hex_value);
        is_hex &= (high | low) < 16;
        high << 4 | low
    });
    is_hex.then_some(digest)
}

fn hex_value(digit: u8) -> u8 {
    let number = digit.wrapping_sub(b'0');
    let letter = digit.to_ascii_lowercase().wrapping_sub(b'a');
    if number < 10 {
        number
    } else if letter < 6 {
        letter.saturating_add(10)
    } else {
        u8::MAX
    }
}

#[cfg(feature = "schemes")]
fn decode_base64<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    use base64::Engine;
    // The buffer holds whole groups of four digits.
    let mut bytes = [0; 66];
    let length = base64::engine::general_purpose::STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes.get(..length)?.try_into().ok()
}

/// The only line of a header.
pub(super) fn only_line<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
    missing: VerifyError,
) -> Result<&'a [u8], VerifyError> {
    let mut lines = lines.into_iter();
    let line = lines.next().ok_or(missing)?;
    if lines.next().is_some() {
        return Err(malformed("more than one header line"));
    }
    Ok(line)
}

pub(super) fn malformed(reason: &'static str) -> VerifyError {
    VerifyError::MalformedSignature { reason }
}
