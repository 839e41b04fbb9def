//! Checks whether a text can be a signing secret.

use super::SecretError;

pub(crate) const MIN_LENGTH: usize = 16;
const MIN_DIFFERENT_BYTES: usize = 6;

/// Rejects a text that is not a secret or is a weak one. With a wrong text, every delivery would be
/// rejected without an obvious reason. With a weak secret, an attacker could forge deliveries.
pub(crate) fn check(text: &str) -> Result<(), SecretError> {
    if text.trim().is_empty() {
        return Err(SecretError::Empty);
    }
    // Checked before single characters, because an error about the whole text is clearer.
    if is_masked(text) {
        return Err(SecretError::Masked);
    }
    if is_placeholder(text) {
        return Err(SecretError::Placeholder);
    }
    if is_assignment(text) {
        return Err(SecretError::Assignment);
    }
    if let Some((place, character)) = (1..).zip(text.chars()).find(|(_, c)| !is_in_secrets(*c)) {
        return Err(SecretError::Character { character, place });
    }
    if text.len() < MIN_LENGTH {
        return Err(SecretError::TooShort { length: text.len() });
    }
    let different = (0..=u8::MAX).filter(|byte| text.as_bytes().contains(byte)).count();
    if different < MIN_DIFFERENT_BYTES {
        return Err(SecretError::Repetitive);
    }
    Ok(())
}

fn is_in_secrets(character: char) -> bool {
    character.is_ascii_graphic() && !matches!(character, '"' | '\'' | '`' | '\\')
}

/// `whsec_k5EK••••`, `whsec_...`, `whsec_xxxxxxxxxxxx`
fn is_masked(text: &str) -> bool {
    let one_character = |rest: &str| rest.len() > 1 && rest.chars().all(|c| rest.starts_with(c));
    text.contains(['•', '●', '∙', '⋅', '·', '…'])
        || ["...", "***"].iter().any(|run| text.contains(run))
        || text.strip_prefix("whsec_").is_some_and(one_character)
}

/// `$NAME`, `${NAME}`, `$(command)`, `{{ name }}`, `<secret>`, `%NAME%`, `op://vault/item`
fn is_placeholder(text: &str) -> bool {
    let within = |start, end| text.starts_with(start) && text.ends_with(end);
    ["${", "$(", "{{", "://"].iter().any(|sign| text.contains(sign))
        || text.strip_prefix('$').is_some_and(|rest| rest.chars().all(is_in_names))
        || within('<', '>')
        || within('%', '%')
}

/// `NAME=value`. Base64 may end with equals signs, but has no value after them.
fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, value)| {
        let is_name = name.chars().all(|c| is_in_names(c) || matches!(c, '-' | '.' | ' '));
        is_name && value.contains(|c| c != '=')
    })
}

fn is_in_names(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The name of a character that no secret contains. Many of them are invisible.
pub(crate) fn name(character: char) -> &'static str {
    match character {
        ' ' => "a space",
        '\t' => "a tab",
        '\n' => "a line feed",
        '\r' => "a carriage return",
        '"' => "a double quote",
        '\'' => "a single quote",
        '`' => "a backtick",
        '\\' => "a backslash",
        '\u{a0}' | '\u{202f}' => "a no-break space",
        '\u{ad}' => "a soft hyphen",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' => "a zero-width joiner or non-joiner",
        '\u{2060}' => "a word joiner",
        '\u{feff}' => "a byte order mark",
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a mark of writing direction"
        }
        '\u{300}'..='\u{36f}' => "a combining mark",
        '\u{fe00}'..='\u{fe0f}' => "a variation selector",
        '\u{2018}'..='\u{201f}' => "a curly quote",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "a dash that is not a hyphen",
        '\u{ff01}'..='\u{ff5e}' => "a full-width character",
        '\u{fffd}' => "a replacement character",
        control if control.is_control() => "a control character",
        space if space.is_whitespace() => "white space",
        _ => "not ASCII",
    }
}
