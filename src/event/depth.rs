use super::EventError;

/// Refuses JSON that is nested deeper than `serde_json` reads: what is kept raw is
/// skipped without a limit, and would be a trap for whoever reads it later.
pub(super) fn check_depth(json: &[u8]) -> Result<(), EventError> {
    if is_too_deep(json) {
        return Err(EventError::new(format_args!("nested more than {MOST} deep")));
    }
    Ok(())
}

/// What `serde_json` reads at most.
const MOST: usize = 127;

fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth = depth.saturating_add(1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_deep_as_serde_json_reads() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
        for depth in [1, MOST, MOST + 1, 10_000] {
            let read = serde_json::from_slice::<serde_json::Value>(&nested(depth)).is_ok();
            assert_eq!(read, !is_too_deep(&nested(depth)), "{depth}");
        }
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!(r#"{{"a":"\"{}\\","b":[]}}"#, "[".repeat(200));
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert!(!is_too_deep(text.as_bytes()));
        let after = format!(r#"["\\",{}"#, "[".repeat(200));
        assert!(is_too_deep(after.as_bytes()));
    }

    #[test]
    fn what_is_closed_no_longer_counts() {
        assert!(!is_too_deep("[],".repeat(100_000).as_bytes()));
    }
}
