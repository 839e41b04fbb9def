//! The grammars of signature headers by splitting.

use crate::base64::unbase64;
use crate::scheme::{Encoding, Grammar, Parts, Place};

/// Nevent's time and digests, in lower case, or `None` for a malformed line.
#[must_use]
pub fn items(line: &[u8]) -> Option<(i64, Vec<String>)> {
    let (t, digests) = signature(line, &Parts::NEVENT)?;
    Some((t?, digests.iter().map(|digest| crate::hex(digest)).collect()))
}

/// The time, if the scheme has it in this header, and the well-formed digests. `None` for a malformed
/// line.
#[must_use]
pub fn signature(line: &[u8], parts: &Parts) -> Option<(Option<i64>, Vec<Vec<u8>>)> {
    // Names and values that count are ASCII; a byte that is not stays wrong.
    let text = String::from_utf8_lossy(line);
    let (times, digests) = match parts.grammar {
        Grammar::Bare(prefix) => (Vec::new(), vec![text.strip_prefix(prefix)?]),
        Grammar::Items(digest) => {
            let items = text.split(',').map(|item| item.trim_start_matches([' ', '\t']));
            let items: Vec<_> = items.map(|item| item.split_once('=')).collect::<Option<_>>()?;
            let time = match parts.place() {
                Some(Place::Item(time)) => values(&items, time),
                _ => Vec::new(),
            };
            (time, values(&items, digest))
        }
        Grammar::Versions(version) => {
            let items: Vec<_> = text.split(' ').filter_map(|item| item.split_once(',')).collect();
            (Vec::new(), values(&items, version))
        }
    };
    let t = match (parts.place(), &times[..]) {
        (Some(Place::Item(_)), [t]) => Some(time(t)?),
        (Some(Place::Item(_)), _) => return None,
        _ => None,
    };
    let fits = line.len() <= 1024 && digests.len() <= 8;
    let digests: Vec<_> = digests.iter().filter_map(|text| digest(text, parts)).collect();
    (fits && !digests.is_empty()).then_some((t, digests))
}

/// The only text of a time that counts is that of the number itself.
#[must_use]
pub fn time(text: &str) -> Option<i64> {
    text.parse().ok().filter(|value: &i64| *value >= 0 && value.to_string() == text)
}

/// An id that the signature covers.
#[must_use]
pub fn signed_id(line: &[u8], separator: &str) -> Option<String> {
    let id = std::str::from_utf8(line).ok()?;
    (id.split(separator).count() == 1).then(|| id.to_owned())
}

fn values<'a>(items: &[(&str, &'a str)], wanted: &str) -> Vec<&'a str> {
    items.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| *value).collect()
}

fn digest(text: &str, parts: &Parts) -> Option<Vec<u8>> {
    let bytes = match parts.encoding {
        Encoding::Hex => unhex(text)?,
        Encoding::Base64 => unbase64(text)?,
    };
    (bytes.len() == parts.hash.length()).then_some(bytes)
}

/// The bytes of an even number of hex digits, in either case.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    pairs.collect()
}
