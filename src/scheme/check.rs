//! Which schemes can be built. Everything here can run at compile time.

use super::sender::Sender;
use super::{Grammar, IdSource, SchemeError, Signed, Terms, TimeSource};

pub(super) const fn check(sender: &Sender) -> Result<(), SchemeError> {
    if let Err(error) = headers(sender) {
        return Err(error);
    }
    if let Err(error) = separators(sender.format.signed) {
        return Err(error);
    }
    if let Err(error) = items(sender) {
        return Err(error);
    }
    if let Err(error) = check_terms(&sender.terms) {
        return Err(error);
    }
    if let (Signed::IdAndTime { .. }, IdSource::Header(name)) = (sender.format.signed, sender.id) {
        return Err(SchemeError::TwoIds(name));
    }
    check_body_field(sender.id)
}

pub(crate) const fn check_terms(terms: &Terms) -> Result<(), SchemeError> {
    if terms.response_deadline().as_millis() < 900 {
        return Err(SchemeError::Timeout);
    }
    Ok(())
}

const fn headers(sender: &Sender) -> Result<(), SchemeError> {
    let time = match sender.format.signed.time() {
        Some(TimeSource::Header(name)) => Some(name),
        _ => None,
    };
    let signed_id = match sender.format.signed {
        Signed::IdAndTime { id_header, .. } => Some(id_header),
        _ => None,
    };
    let id = match sender.id {
        IdSource::Header(name) => Some(name),
        _ => None,
    };
    let Sender { format, event_header, version_header, .. } = *sender;
    check_header_names(&[Some(format.header), time, signed_id, id, event_header, version_header])
}

/// Checks that these are names of headers, no two of them the same.
pub(crate) const fn check_header_names(names: &[Option<&'static str>]) -> Result<(), SchemeError> {
    let mut rest = names;
    while let [first, others @ ..] = rest {
        if let Some(name) = *first {
            if !is_header_name(name) {
                return Err(SchemeError::HeaderName(name));
            }
            if contains(others, name) {
                return Err(SchemeError::SameHeader(name));
            }
        }
        rest = others;
    }
    Ok(())
}

const fn separators(signed: Signed) -> Result<(), SchemeError> {
    let (separator, is_ambiguous) = match signed {
        Signed::Body => return Ok(()),
        Signed::Time { separator, .. } => {
            (separator, matches!(separator.as_bytes(), [b'0'..=b'9', ..]))
        }
        // With `.1.`, the id `a.1` at the time 1 would sign the same bytes as the id `a` at the time 1
        // and a longer body.
        Signed::IdAndTime { separator, .. } => (separator, has_digit(separator)),
    };
    if separator.is_empty() || is_ambiguous {
        return Err(SchemeError::Separator(separator));
    }
    Ok(())
}

const fn items(sender: &Sender) -> Result<(), SchemeError> {
    let time = match sender.format.signed.time() {
        Some(TimeSource::Item(name)) => Some(name),
        _ => None,
    };
    let digest = match (sender.format.grammar, time) {
        (Grammar::Items { digest }, _) => digest,
        (_, Some(_)) => return Err(SchemeError::NoItems),
        (Grammar::Versions { version }, None) => version,
        (Grammar::Bare { .. }, None) => return Ok(()),
    };
    if !is_item_name(digest) {
        return Err(SchemeError::ItemName(digest));
    }
    match time {
        Some(time) if !is_item_name(time) || equal(time.as_bytes(), digest.as_bytes()) => {
            Err(SchemeError::ItemName(time))
        }
        _ => Ok(()),
    }
}

/// Checks that a path to a field of the body has no empty name.
pub(crate) const fn check_body_field(id: IdSource) -> Result<(), SchemeError> {
    let IdSource::BodyField(path) = id else { return Ok(()) };
    let (mut rest, mut is_name_empty) = (path.as_bytes(), true);
    while let [first, others @ ..] = rest {
        if *first == b'.' && is_name_empty {
            return Err(SchemeError::BodyField(path));
        }
        is_name_empty = *first == b'.';
        rest = others;
    }
    if is_name_empty { Err(SchemeError::BodyField(path)) } else { Ok(()) }
}

/// A token of RFC 9110, section 5.6.2, without upper case: header maps hold names in lower case.
const fn is_header_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let [first, others @ ..] = rest {
        if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.') {
            return false;
        }
        rest = others;
    }
    !name.is_empty()
}

const fn is_item_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let [first, others @ ..] = rest {
        if matches!(first, b',' | b'=') || !first.is_ascii_graphic() {
            return false;
        }
        rest = others;
    }
    !name.is_empty()
}

const fn has_digit(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        if first.is_ascii_digit() {
            return true;
        }
        rest = others;
    }
    false
}

const fn contains(names: &[Option<&'static str>], name: &str) -> bool {
    let mut rest = names;
    while let [first, others @ ..] = rest {
        if let Some(first) = first
            && equal(first.as_bytes(), name.as_bytes())
        {
            return true;
        }
        rest = others;
    }
    false
}

/// Comparing slices with `==` is not yet possible in a constant.
const fn equal(mut one: &[u8], mut other: &[u8]) -> bool {
    loop {
        match (one, other) {
            ([], []) => return true,
            ([a, one_rest @ ..], [b, other_rest @ ..]) if *a == *b => {
                (one, other) = (one_rest, other_rest);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests;
