//! Errors of construction reach a person through `main`'s `Result` or an
//! `expect`, and both print `Debug`: so that says what `Display` says.

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

/// Foreign text for a line of a log: its start, at most `most` bytes of it, with whatever
/// would break or forge a line escaped.
#[cfg(any(feature = "events", feature = "tower", feature = "actix"))]
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
