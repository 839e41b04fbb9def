/// The text of each number in a valid JSON text, in order.
pub(super) struct Numbers<'a> {
    rest: &'a str,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(json: &'a str) -> Self {
        Self { rest: json }
    }
}

impl<'a> Iterator for Numbers<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let start =
                self.rest.find(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])?;
            let (_, from) = self.rest.split_at_checked(start)?;
            if let Some(string) = from.strip_prefix('"') {
                self.rest = after_string(string)?;
                continue;
            }
            let is_part = |c| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
            let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
            let (number, rest) = from.split_at_checked(end)?;
            self.rest = rest;
            return Some(number);
        }
    }
}

/// The text after a string whose opening quote has been passed.
fn after_string(mut rest: &str) -> Option<&str> {
    loop {
        let (_, from) = rest.split_at_checked(rest.find(['"', '\\'])?)?;
        match from.strip_prefix('"') {
            Some(after) => return Some(after),
            // A backslash and the character that it escapes.
            None => rest = from.get(2..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{Duplicates, from_text};
    use super::*;

    #[test]
    fn numbers_are_found_outside_of_strings() {
        let json = r#"{"1":-0,"a\"2\\":["3\\\"4",5.50e+3,[6]],"é7":{"b":true,"c":null,"d":8}}"#;
        let numbers: Vec<_> = Numbers::of(json).collect();
        assert_eq!(numbers, ["-0", "5.50e+3", "6", "8"]);
        assert_eq!(Numbers::of("12").collect::<Vec<_>>(), ["12"]);
        assert_eq!(Numbers::of(r#""1"#).next(), None);
    }

    /// `serde_json` alone reads some of these to a neighbouring float.
    #[test]
    fn floats_are_the_nearest_to_their_digits() {
        for digits in [
            "16666666666666666666666666666666666666666",
            "1.2345678901234567e-30",
            "122.416294033786585",
            "5.447463313503997e-88",
            "1.7976931348623157e308",
            "2.2250738585072014e-308",
            "5e-324",
            "-0.0",
            "-0",
        ] {
            // Numbers of other kinds before it must not shift the texts.
            let json = format!(r#"[1,-2,"3",{{"4":[{digits}]}},18446744073709551616]"#);
            let value = from_text(&json, Duplicates::Refused).expect(digits);
            let found = value[3]["4"][0].as_f64().expect("a float");
            let exact: f64 = digits.parse().expect("a number");
            assert_eq!(found.to_bits(), exact.to_bits(), "{digits}");
            assert_eq!(value[4], Value::from(18_446_744_073_709_551_616_f64));
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused_unless_it_may_be_overwritten() {
        let json = r#"{"a":1.5,"a":2.5}"#;
        assert!(from_text(json, Duplicates::Refused).is_err());
        assert_eq!(from_text(json, Duplicates::Overwritten).expect("JSON")["a"], 2.5);
    }
}
