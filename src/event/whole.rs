//! Whole numbers, written as `2`, `2.0`, `2e0` or `"2"`. They are never rounded.

use jiff::Timestamp;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decimal::{parse, unquoted};
use super::object::Required;
use super::raw::Raw;

impl Required for i64 {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Raw::deserialize(deserializer)?;
        whole(unquoted(json.get()))
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Other("value"), &"a whole number"))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

fn whole(digits: &str) -> Option<i64> {
    digits.parse().ok().or_else(|| {
        let number = parse(digits)?;
        number.is_integer().then(|| number.normalize().mantissa().try_into().ok()).flatten()
    })
}

/// A time in Unix seconds.
impl Required for Timestamp {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a time in Unix seconds";
        Self::from_second(Required::read(deserializer)?)
            .map_err(|_| D::Error::invalid_value(Unexpected::Other("value"), &expected))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_second().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn whole_numbers_are_exact() {
        for (written, number) in [
            ("2", 2),
            ("-2", -2),
            ("2.0", 2),
            ("-0.0", 0),
            ("1.6409952e9", 1_640_995_200),
            ("1640995200.000", 1_640_995_200),
            ("20e-1", 2),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("9223372036854775807.0", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(whole(written), Some(number), "{written}");
        }
        for other in ["", "2.5", "1.0000000000000000001", "9223372036854775808", "1e400", "two"] {
            assert_eq!(whole(other), None, "{other}");
        }
    }
}
