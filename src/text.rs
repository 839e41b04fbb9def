//! Texts for people: `Debug` of errors, and excerpts of foreign text for logs.

/// The `target` of all log lines.
#[cfg(feature = "tracing")]
pub(crate) const LOG_TARGET: &str = "nevent_webhooks";

/// Implements `Debug` of an error as its `Display`.
///
/// A configuration error reaches a person through the `Result` of `main` or through `expect`, and
/// both print `Debug`.
macro_rules! debug_is_display {
    ($error:ty) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use debug_is_display;

/// The error's text and those of its sources, in one line. Of each text this is the first line: what
/// a database adds below it may show a row's values.
#[cfg(feature = "store")]
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let texts = std::iter::successors(Some(error), |error| error.source());
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    texts.map(|error| first_line(error.to_string())).collect::<Vec<_>>().join(": ")
}

/// The value of a URL's parameter. `None` if it is not well encoded.
#[cfg(any(feature = "redis", feature = "postgres"))]
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// The start of a foreign text, at most `most` bytes of it, for a log line. Characters that would
/// break or forge a line are escaped.
#[cfg(any(
    feature = "events",
    feature = "schemes",
    feature = "tower",
    feature = "actix",
    feature = "queue"
))]
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        let before = shown.len();
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
        if shown.len() > most {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown
}

#[cfg(all(test, feature = "events"))]
mod tests {
    use super::excerpt;

    #[test]
    fn foreign_text_is_one_short_line() {
        assert_eq!(excerpt("María's \"\\", 20), "María's \"\\");
        assert_eq!(
            excerpt("a\nb\r\u{1b}[31m\u{2028}\u{202e}", 99),
            r"a\nb\r\u{1b}[31m\u{2028}\u{202e}"
        );
        assert_eq!(excerpt("ÄÖÜ", 4), "ÄÖ…");
        assert_eq!(excerpt("aaa\n", 4), "aaa…");
        assert_eq!(excerpt(&"x".repeat(480_000), 300).len(), 303);
    }
}
