use arrayvec::ArrayVec;

use super::VerifyError;
use super::header::malformed;

/// The time of a signature. The MAC covers its text; the tolerance applies to its value.
#[derive(Clone)]
pub(crate) struct Timestamp {
    pub(crate) text: ArrayVec<u8, 19>,
    pub(crate) unix_seconds: i64,
}

impl Timestamp {
    /// Parses decimal digits without sign, blanks or leading zero, at most `i64::MAX`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, VerifyError> {
        const REASON: &str = "the time is not a plain decimal number of seconds";
        let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let leading_zero = text.len() > 1 && text.starts_with(b"0");
        if !plain || leading_zero {
            return Err(malformed(REASON));
        }
        let value = text.iter().try_fold(0_i64, |value, digit| {
            value.checked_mul(10)?.checked_add(i64::from(digit.checked_sub(b'0')?))
        });
        // More than 19 digits overflow an `i64`, so the text fits when the value does.
        match (value, ArrayVec::try_from(text)) {
            (Some(unix_seconds), Ok(text)) => Ok(Self { text, unix_seconds }),
            _ => Err(malformed(REASON)),
        }
    }
}
