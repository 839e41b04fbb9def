use super::VerifyError;
use super::header::malformed;

/// The time of a signature. The MAC covers its text; the tolerance applies to its value.
#[derive(Clone, Copy)]
pub(crate) struct Timestamp<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) unix_seconds: i64,
}

impl<'a> Timestamp<'a> {
    /// Parses decimal digits without sign, blanks or leading zero, at most `i64::MAX`.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, VerifyError> {
        let value = match text {
            [] | [b'0', _, ..] => None,
            digits => digits.iter().try_fold(0_i64, |value, digit| {
                let digit = char::from(*digit).to_digit(10)?;
                value.checked_mul(10)?.checked_add(i64::from(digit))
            }),
        };
        match value {
            Some(unix_seconds) => Ok(Self { text, unix_seconds }),
            None => Err(malformed("the time is not a plain decimal number of seconds")),
        }
    }
}
