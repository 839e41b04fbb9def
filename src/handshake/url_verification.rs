use serde::Deserialize;

use crate::Rejection;
use crate::delivery::body_field;

const TYPE: &str = "url_verification";
const MAX_BYTES: usize = 512;

/// The challenge of Slack's `url_verification`, to be sent back as it is. `None` if the body is a
/// delivery.
///
/// Only a body whose signature was checked may come here. Otherwise anyone could have a text sent back.
pub(crate) fn challenge(body: &[u8]) -> Result<Option<String>, Rejection> {
    // Searched for first. Otherwise every delivery would be parsed twice: here, and for its id.
    let may_be_one = body.windows(TYPE.len()).any(|window| window == TYPE.as_bytes());
    if !may_be_one || body_field(body, "type").as_deref() != Some(TYPE) {
        return Ok(None);
    }
    let json = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let read = serde_json::from_slice(json).ok();
    let challenge =
        read.map(|UrlVerification { challenge }| challenge).filter(|text| is_safe(text));
    challenge.map(Some).ok_or(Rejection::MalformedChallenge)
}

#[derive(Deserialize)]
struct UrlVerification {
    challenge: String,
}

/// Whether the text is short and no reader could take it for markup.
fn is_safe(text: &str) -> bool {
    let is_plain = |byte: u8| {
        matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'' | b'`')
    };
    (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_verification_has_a_challenge() {
        let sample = r#"{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}"#;
        assert_eq!(challenge(sample.as_bytes()), Ok(Some("3eZbrw1aB".to_owned())));
        let with_mark = format!("\u{feff}{sample}");
        assert_eq!(challenge(with_mark.as_bytes()), Ok(Some("3eZbrw1aB".to_owned())));
        for delivery in [
            "",
            "url_verification",
            r#""url_verification""#,
            "payload=%7B%22type%22%3A%22url_verification%22%7D&challenge=x",
            r#"["type","url_verification","challenge","x"]"#,
            r#"{"type":"event_callback","challenge":"x"}"#,
            r#"{"type":"event_callback","event":{"type":"url_verification","challenge":"x"}}"#,
            r#"{"type":["url_verification"],"challenge":"x"}"#,
            r#"{"type":"url_verification ","challenge":"x"}"#,
            r#"{"type":"url_verification","type":"url_verification","challenge":"x"}"#,
            r#"{"type":"url_verification","challenge":"x"} {}"#,
            r#"{"type":"url_verification","challenge":"x""#,
        ] {
            assert_eq!(challenge(delivery.as_bytes()), Ok(None), "{delivery}");
        }
    }

    #[test]
    fn an_odd_challenge_is_rejected() {
        let with = |json: &str| format!(r#"{{"type":"url_verification"{json}}}"#);
        let of = |text: &str| with(&format!(r#","challenge":"{text}""#));
        let longest = "x".repeat(512);
        for text in ["x", "a b~", "-._:/+=%@", &longest] {
            assert_eq!(challenge(of(text).as_bytes()), Ok(Some(text.to_owned())), "{text}");
        }
        let (too_long, script) = (of(&"x".repeat(513)), of("<script>"));
        for body in [
            of(""),
            too_long,
            script,
            of(r"\u003cscript\u003e"),
            of("a&amp;b"),
            of(r#"\""#),
            of("'"),
            of("`"),
            of(r"a\nb"),
            of(r"\u0000"),
            of(r"\u007f"),
            of("ä"),
            of(r"\ud83c"),
            with(""),
            with(r#","challenge":7"#),
            with(r#","challenge":null"#),
            with(r#","challenge":["x"]"#),
            with(r#","challenge":"x","challenge":"x""#),
        ] {
            assert_eq!(challenge(body.as_bytes()), Err(Rejection::MalformedChallenge), "{body}");
        }
    }
}
