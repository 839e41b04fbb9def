//! Sees at a glance that there is nothing to repair, which is so for nearly every body. Each loop
//! here is one that the compiler turns into vector instructions.

/// Whether JSON certainly has no half of a surrogate pair and no number beyond a float's range.
pub(super) fn is_plain(json: &[u8]) -> bool {
    !has_odd_text(json) && !has_long_number(json)
}

/// Whether anything looks like the escape of a surrogate (`\ud83c`) or like an exponent of two
/// digits. One digit cannot take a number of fewer than 255 digits beyond a float's range.
fn has_odd_text(json: &[u8]) -> bool {
    let (second, fourth) = (json.get(1..).unwrap_or_default(), json.get(3..).unwrap_or_default());
    let odd = json.iter().zip(second).zip(fourth).fold(0, |odd, ((first, second), fourth)| {
        // Without branches: `&&` would keep the compiler from vector instructions.
        let is = u8::from;
        let is_surrogate = is(*first == b'\\') & is(*second == b'u') & is(*fourth >= b'8');
        let is_exponent =
            is(first.is_ascii_digit()) & is(second | 0x20 == b'e') & is(fourth.is_ascii_digit());
        odd | is_surrogate | is_exponent
    });
    odd != 0
}

/// Whether there may be a number of more than 254 digits: it would fill one of these chunks.
fn has_long_number(json: &[u8]) -> bool {
    json.chunks_exact(128).any(|chunk| chunk.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.')))
}

/// How many arrays and objects begin, at most. Brackets in texts count too.
pub(super) fn opening_brackets(json: &[u8]) -> usize {
    let of_chunk =
        |chunk: &[u8]| -> u8 { chunk.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum() };
    json.chunks(128).map(|chunk| usize::from(of_chunk(chunk))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_needs_repair_is_plain() {
        let long = "9".repeat(301);
        for odd in [r#""\ud83c""#, r#""\uDF89""#, "1e400", "1E+400", "1.5e400", &long] {
            for before in 0..130 {
                let json = format!("{}{odd}\n", " ".repeat(before));
                assert!(!is_plain(json.as_bytes()), "{odd} after {before} bytes");
            }
        }
    }

    #[test]
    fn usual_bodies_are_plain() {
        let json = r#"{"name":"Mar\u00eda Ren\u00e9e \"the\" \/ [","e":[1.50e3,-2],"f":{}}"#;
        assert!(is_plain(json.as_bytes()) && is_plain(b"") && is_plain(b"{"));
        assert_eq!(opening_brackets(json.as_bytes()), 4);
        assert_eq!(opening_brackets("[{]}".repeat(1000).as_bytes()), 2000);
    }
}
