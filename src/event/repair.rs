//! Repairs bodies that are JSON, but that `serde_json` refuses.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::EventError;
use super::plain::{is_plain, opening_brackets};

/// Returns a body that `serde_json` can read.
///
/// - A byte order mark is dropped.
/// - Half of a surrogate pair (`\ud83c` alone) becomes `\ufffd`.
/// - A number beyond a float's range (`1e400`) is put in quotes.
///
/// Everything else stays as it is. The body is copied only if something is repaired.
///
/// # Errors
///
/// JSON that is nested deeper than `serde_json` reads. `serde_json` skips raw JSON without a
/// limit, so reading it later would fail.
pub(crate) fn repair(json: &[u8]) -> Result<Cow<'_, [u8]>, EventError> {
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    if is_plain(json) && opening_brackets(json) <= DEEPEST {
        return Ok(Cow::Borrowed(json));
    }
    repair_all(json)
}

fn repair_all(json: &[u8]) -> Result<Cow<'_, [u8]>, EventError> {
    let mut repaired = Repaired { json, copied: 0, text: Vec::new() };
    let (mut at, mut depth) = (0_usize, 0_usize);
    while let Some(byte) = json.get(at) {
        at = match byte {
            b'"' => repaired.string(at.saturating_add(1)),
            b'-' | b'0'..=b'9' => repaired.number(at),
            _ => at.saturating_add(1),
        };
        match byte {
            b'[' | b'{' => depth = depth.saturating_add(1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(EventError::new(format_args!("nested more than {DEEPEST} deep")));
        }
    }
    Ok(repaired.finish())
}

/// The depth that `serde_json` reads.
pub(super) const DEEPEST: usize = 127;

struct Repaired<'a> {
    json: &'a [u8],
    /// The length of the part of `json` that `text` replaces.
    copied: usize,
    text: Vec<u8>,
}

impl<'a> Repaired<'a> {
    /// Repairs the string whose first byte is here, and returns where it ends.
    fn string(&mut self, mut at: usize) -> usize {
        loop {
            let rest = self.json.get(at..).unwrap_or_default();
            let Some(plain) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                return self.json.len();
            };
            at = at.saturating_add(plain);
            if self.json.get(at) == Some(&b'"') {
                return at.saturating_add(1);
            }
            at = self.escape(at);
        }
    }

    /// Repairs the escape that begins here, and returns where it ends.
    fn escape(&mut self, at: usize) -> usize {
        let end = at.saturating_add(UNIT);
        match unit(self.json, at) {
            None => at.saturating_add(2),
            Some(0xd800..0xdc00) if matches!(unit(self.json, end), Some(0xdc00..0xe000)) => {
                end.saturating_add(UNIT)
            }
            Some(0xd800..0xe000) => {
                self.replace(at..end, br"\ufffd");
                end
            }
            Some(_) => end,
        }
    }

    /// Repairs the number that begins here, and returns where it ends.
    fn number(&mut self, at: usize) -> usize {
        let rest = self.json.get(at..).unwrap_or_default();
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(length).unwrap_or_default();
        let end = at.saturating_add(length);
        // A number in place of a name is no JSON, and must not become JSON by its quotes.
        let is_name = after.trim_ascii_start().starts_with(b":");
        if is_too_large(number) && !is_name {
            self.replace(at..end, &[b"\"", number, b"\""].concat());
        }
        end
    }

    fn replace(&mut self, range: Range<usize>, by: &[u8]) {
        self.text.extend_from_slice(self.json.get(self.copied..range.start).unwrap_or_default());
        self.text.extend_from_slice(by);
        self.copied = range.end;
    }

    fn finish(mut self) -> Cow<'a, [u8]> {
        if self.copied == 0 {
            return Cow::Borrowed(self.json);
        }
        self.text.extend_from_slice(self.json.get(self.copied..).unwrap_or_default());
        Cow::Owned(self.text)
    }
}

/// The length of `\ud83c`.
const UNIT: usize = 6;

/// Returns the UTF-16 unit of the escape that begins here.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at.saturating_add(UNIT))?.strip_prefix(br"\u")?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Whether this is a number beyond a float's range. Only a number with an exponent or with
/// more than 300 digits can be.
fn is_too_large(number: &[u8]) -> bool {
    let may_be = number.len() > 300 || number.iter().any(|byte| matches!(byte, b'e' | b'E'));
    may_be
        && serde_json::from_slice::<f64>(number).is_err()
        && serde_json::from_slice::<IgnoredAny>(number).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn of(json: &str) -> Cow<'_, str> {
        match repair(json.as_bytes()).expect(json) {
            Cow::Borrowed(text) => str::from_utf8(text).expect("text").into(),
            Cow::Owned(text) => String::from_utf8(text).expect("text").into(),
        }
    }

    #[test]
    fn half_surrogate_pairs_are_replaced() {
        for (sent, read) in [
            (r#""Party \ud83c""#, r#""Party \ufffd""#),
            (
                r#"{"\uD83c\uDf89\udf89":"\udf89\ud83c"}"#,
                r#"{"\uD83c\uDf89\ufffd":"\ufffd\ufffd"}"#,
            ),
            (r#""\ud83c\ud83c\udf89""#, r#""\ufffd\ud83c\udf89""#),
            (r#""\ud83c\n\ud83cu""#, r#""\ufffd\n\ufffdu""#),
        ] {
            assert_eq!(of(sent), read);
            serde_json::from_str::<Value>(read).expect(read);
        }
    }

    #[test]
    fn numbers_that_no_float_holds_are_quoted() {
        let long = "9".repeat(400);
        for number in ["1e400", "-1.5E+309", "1E999999999999", &long] {
            let read = of(number);
            assert_eq!(read, format!("\"{number}\""));
            assert_eq!(of(&format!("[1,{number} ]")), format!("[1,{read} ]"));
        }
        for number in ["0e999999999999", "1e-400", "1.7976931348623157e308", "-0", "1e2"] {
            assert_eq!(of(number), number);
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for json in [
            r#"{"a\\ud800":"\\\\ud800 1e400 \" \u00e9\ud83c\udf89","b":[1.50e3]}"#,
            "01e400",
            "-.5e400",
            "1.e400",
            "{1e400 : 1}",
            r#""\ud8"#,
            r#""\ud+00""#,
            r#""\"#,
            "\"",
            "",
        ] {
            assert!(matches!(repair(json.as_bytes()), Ok(Cow::Borrowed(_))), "{json}");
            assert_eq!(of(json), json);
        }
        assert_eq!(of("\u{feff}{}"), "{}");
        assert_eq!(of("\u{feff}\u{feff}{}"), "\u{feff}{}", "one at most");
    }

    #[test]
    fn as_deep_as_serde_json_reads() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
        for depth in [1, DEEPEST, DEEPEST + 1, 10_000] {
            let read = serde_json::from_slice::<Value>(&nested(depth)).is_ok();
            assert_eq!(read, repair(&nested(depth)).is_ok(), "{depth}");
        }
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!(r#"{{"a":"\"{}\\","b":[]}}"#, "[".repeat(200));
        assert!(serde_json::from_str::<Value>(&text).is_ok());
        assert!(repair(text.as_bytes()).is_ok());
        let after = format!(r#"["\\",{}"#, "[".repeat(200));
        assert!(repair(after.as_bytes()).is_err());
    }

    #[test]
    fn closed_brackets_do_not_count() {
        assert!(repair("[],".repeat(100_000).as_bytes()).is_ok());
    }
}
