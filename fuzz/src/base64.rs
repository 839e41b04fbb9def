//! Base64 (RFC 4648, section 4), by arithmetic.

const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes in base64, with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| usize::from(group.get(at).copied().unwrap_or(0));
        let number = byte(0) * 65_536 + byte(1) * 256 + byte(2);
        let places = [262_144, 4096, 64, 1].map(|place| number / place % 64);
        text.extend(
            places[..=group.len()].iter().map(|digit| char::from(DIGITS.as_bytes()[*digit])),
        );
        text.extend((group.len()..3).map(|_| '='));
    }
    text
}

/// What the text encodes, if it is the one text that encodes it.
#[must_use]
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest, mut bits) = (Vec::new(), 0, 0);
    for digit in text.trim_end_matches('=').chars() {
        rest = rest * 64 + DIGITS.find(digit)?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(rest >> bits).ok()?);
            rest %= 1 << bits;
        }
    }
    (base64(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_rfc() {
        let texts = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, text) in texts.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), text);
            assert_eq!(unbase64(text).as_deref(), Some(&b"foobar"[..length]));
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }

    #[test]
    fn other_texts_for_the_same_bytes_are_none() {
        for text in ["Zg", "Zg=", "Zh==", "Zg===", "Zg==\n", "Zm9", "Zm-v", "=", "Zg==Zg=="] {
            assert_eq!(unbase64(text), None, "{text:?}");
        }
    }
}
