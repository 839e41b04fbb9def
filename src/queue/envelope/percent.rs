//! Percent-encoding, so that any text is a legal header of any broker.

/// Encodes all bytes but visible ASCII, `%`, and the characters in `also`.
pub(super) fn encode(text: &str, also: &[u8]) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && !also.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Decodes a value. `None` if it is not well encoded, or not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next()?)?.checked_mul(16)?.checked_add(digit(rest.next()?)?)?,
            byte if byte.is_ascii_graphic() => byte,
            _ => return None,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_survives() {
        for text in ["", "a", " a ", "%", "%41", "a\r\nb: c", "Gr\u{fc}\u{df}e", "\u{1f39f}", "\0"]
        {
            let encoded = encode(text, b"");
            assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()), "{encoded:?}");
            assert_eq!(decode(&encoded).as_deref(), Some(text));
        }
        assert_eq!(encode("a=b&c %", b"=&"), "a%3Db%26c%20%25");
    }

    #[test]
    fn a_text_that_is_not_well_encoded_is_refused() {
        for text in ["%", "%4", "%+f", "%g0", "a b", "\u{e4}", "%FF", "\n"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
