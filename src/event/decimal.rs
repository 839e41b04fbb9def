//! Amounts of money, as they were sent.
//!
//! A JSON number is text. As a binary float, 85.10 would become 85.0999…, and sums would be
//! wrong. [`Decimal`] holds up to 28 digits exactly, with their trailing zeros. An amount with
//! more digits is an error, because it would have to be rounded.

use rust_decimal::Decimal;
use serde::de::{self, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::value::RawValue;

use super::object::Required;
use super::raw::Raw;

impl Required for Decimal {
    /// Reads a number, or a string of a number, which is how some senders write money.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Raw::deserialize(deserializer)?;
        parse(unquoted(json.get())).ok_or_else(|| {
            let (found, expected) = (Unexpected::Other("value"), "an amount of at most 28 digits");
            de::Error::invalid_value(found, &expected)
        })
    }

    /// Writes a number in JSON, and text in a binary format, which has no number that keeps
    /// the digits.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// Returns the text of a number, without its quotes if it has any.
pub(super) fn unquoted(json: &str) -> &str {
    json.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(json)
}

/// Reads a number without rounding it.
pub(super) fn parse(digits: &str) -> Option<Decimal> {
    // `rust_decimal` would accept separators too: `1_000`.
    let plain = |byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    let digits = digits.bytes().all(plain).then_some(digits)?;
    let Some((digits, exponent)) = digits.split_once(['e', 'E']) else {
        return Decimal::from_str_exact(digits).ok();
    };
    // `rust_decimal` would round a number with an exponent.
    let amount = Decimal::from_str_exact(digits).ok()?;
    if amount.is_zero() && is_exponent(exponent) {
        return Some(amount);
    }
    let scale = i64::from(amount.scale()).checked_sub(exponent.parse::<i32>().ok()?.into())?;
    let zeros = 10_i128.checked_pow(u32::try_from(scale.min(0).checked_neg()?).ok()?)?;
    let mantissa = amount.mantissa().checked_mul(zeros)?;
    Decimal::try_from_i128_with_scale(mantissa, u32::try_from(scale.max(0)).ok()?).ok()
}

/// Whether this is an exponent, of any length.
fn is_exponent(exponent: &str) -> bool {
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Price(Decimal);

    impl<'de> Deserialize<'de> for Price {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Required::read(deserializer).map(Self)
        }
    }

    impl Serialize for Price {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.write(serializer)
        }
    }

    #[test]
    fn amounts_are_read_and_written_as_they_were_sent() {
        for text in ["85.00", "0.1", "-19.50", "0", "7922816251426433759354395.0335", "1200"] {
            let price: Price = serde_json::from_str(text).expect(text);
            assert_eq!(price.0.to_string(), text);
            assert_eq!(serde_json::to_string(&price).expect(text), text);
        }
    }

    #[test]
    fn other_ways_to_write_them() {
        for (text, amount) in [
            ("\"85.00\"", "85.00"),
            ("8.5e1", "85"),
            ("8.5e+3", "8500"),
            ("85E-1", "8.5"),
            ("-85e0", "-85"),
            ("1e28", "10000000000000000000000000000"),
            ("0e40", "0"),
            ("-0.0e-999999999999", "0"),
            ("1e-28", "0.0000000000000000000000000001"),
        ] {
            let price: Price = serde_json::from_str(text).expect(text);
            assert_eq!(price.0, amount.parse().expect("a number"), "{text}");
        }
        let value = serde_json::from_str::<serde_json::Value>("85.5").expect("JSON");
        assert_eq!(serde_json::from_value::<Price>(value).expect("a price").0.to_string(), "85.5");
    }

    #[test]
    fn values_that_are_no_exact_amount_are_refused() {
        let many = format!("0.{}", "1".repeat(40));
        let huge = "9".repeat(1000);
        let long = format!("1e{}", "9".repeat(1000));
        for text in [
            "true",
            "null",
            "\"\"",
            "\"1_000\"",
            "\"ten\"",
            "[1]",
            "1e400",
            "1e29",
            "1e-29",
            "\"1e2.5\"",
            "\"1e\"",
            "1.23456789012345678901234567890123e0",
            "79228162514264337593543950335.4e0",
            "0.00000000000000000000000000001e0",
            "1e-400",
            "\"NaN\"",
            &many,
            &huge,
            &long,
        ] {
            let error = serde_json::from_str::<Price>(text).expect_err(text).to_string();
            let start = "invalid value: value, expected an amount of at most 28 digits";
            assert!(error.starts_with(start), "{error}");
        }
    }
}
