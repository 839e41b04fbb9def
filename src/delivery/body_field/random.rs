//! Random JSON and random paths: the field must be the one that a plain reader of the whole body
//! sees, in `serde_json::Value`.

use std::hash::{BuildHasher, RandomState};

use serde_json::{Map, Value, json};

use super::body_field;

/// Few, so that paths meet them. A path cannot name the empty one and the one with a full stop.
const NAMES: [&str; 8] = ["id", "a", "data", "0", "ä\"\\", "x y", "", "a.b"];

fn random(below: usize) -> usize {
    let drawn = usize::try_from(RandomState::new().hash_one(below) >> 33).expect("31 bits");
    drawn % below
}

fn one_of<T: Copy>(all: &[T]) -> T {
    all[random(all.len())]
}

fn random_json(depth: usize) -> Value {
    match random(if depth == 0 { 8 } else { 20 }) {
        0 => json!(null),
        1 => json!(true),
        2 => one_of(&[json!(1.5), json!(-7), json!(1e300)].each_ref()).clone(),
        3 | 4 => json!(one_of(&[0, 7, 1_640_995_200, 1_u64 << 53])),
        5..8 => json!(one_of(&["", "evt_1", "ä\u{1f511}", "{\"id\":\"x\"}", "\n\"\\\u{0}"])),
        8..12 => (0..random(4)).map(|_| random_json(depth - 1)).collect(),
        _ => {
            let fields = (0..random(5)).map(|_| (one_of(&NAMES).into(), random_json(depth - 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

/// The names and positions that lead to some value in here, and at times astray.
fn random_path(mut json: &Value) -> Vec<String> {
    let mut path = Vec::new();
    loop {
        let name = match json {
            Value::Object(fields) if !fields.is_empty() && random(20) > 0 => {
                fields.keys().nth(random(fields.len())).expect("a name").clone()
            }
            Value::Array(items) if !items.is_empty() && random(20) > 0 => {
                random(items.len()).to_string()
            }
            _ if path.is_empty() || random(20) == 0 => one_of(&["id", "0", "1", "none"]).into(),
            _ => return path,
        };
        let inner = one_step(json, &name).unwrap_or(&Value::Null);
        path.push(name);
        json = inner;
    }
}

fn one_step<'v>(json: &'v Value, name: &str) -> Option<&'v Value> {
    match json {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

fn plain_reading(json: &Value, path: &str) -> Option<String> {
    match path.split('.').try_fold(json, one_step)? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) if id.is_u64() => Some(id.to_string()),
        _ => None,
    }
}

/// A path as a scheme accepts it: no name is empty. A name with a full stop is two.
fn path_and_json() -> (String, Value) {
    loop {
        let json = random_json(4);
        let path = random_path(&json).join(".");
        if path.split('.').all(|name| !name.is_empty()) {
            return (path, json);
        }
    }
}

#[test]
fn the_field_is_the_one_that_a_plain_reader_sees() {
    let mut found = 0;
    for _ in 0..10_000 {
        let (path, json) = path_and_json();
        let text = if random(2) == 0 { json.to_string() } else { format!("\n{json:#}\r\n\t ") };
        let expected = plain_reading(&json, &path);
        assert_eq!(body_field(text.as_bytes(), &path), expected, "{path:?} in {text}");
        found += usize::from(expected.is_some());
    }
    assert!((1_000..9_000).contains(&found), "{found} of 10000 bodies have the field");
}

/// `Value` cannot hold numbers of more than 64 bits. As ids, they differ by all of their digits.
#[test]
fn every_digit_of_a_number_counts() {
    let largest = u64::MAX.to_string();
    for digits in [largest.as_str(), "18446744073709551616", "18446744073709551617", "0"] {
        let body = format!(r#"{{"id":{digits}}}"#);
        assert_eq!(body_field(body.as_bytes(), "id").as_deref(), Some(digits));
    }
}

/// A damaged body may still be JSON. Then the id is the one that a plain reader sees, or none.
#[test]
fn a_damaged_body_has_no_other_id() {
    let mut differ = 0;
    for _ in 0..10_000 {
        let (path, json) = path_and_json();
        let mut body = json.to_string().into_bytes();
        let at = random(body.len());
        match random(4) {
            0 => body.truncate(at),
            1 => drop(body.remove(at)),
            2 => body.insert(at, one_of(b"\"\\{}[],:0e- \x00\xff")),
            _ => body[at] = one_of(b"\"\\{}[],:0e- \x00\xff"),
        }
        let id = body_field(&body, &path);
        if let (Some(id), Ok(json)) = (&id, serde_json::from_slice(&body)) {
            let text = String::from_utf8_lossy(&body);
            assert_eq!(plain_reading(&json, &path).as_ref(), Some(id), "{path:?} in {text}");
        }
        differ += usize::from(id != plain_reading(&json, &path));
    }
    assert!(differ > 500, "{differ} of 10000 changes made a difference");
}

/// At every step of the path, before or after the other, and however its name is spelt.
#[test]
fn a_name_that_is_there_twice_hides_the_field() {
    for _ in 0..5_000 {
        let names: Vec<_> = (0..=random(4)).map(|_| one_of(&NAMES[..6])).collect();
        let twice = random(names.len());
        let (mut once, mut doubled) = (json!("evt_1").to_string(), json!("evt_1").to_string());
        for (step, name) in names.iter().enumerate().rev() {
            let (field, others) = (json!(name), json!(random_json(2)));
            once = format!(r#"{{"other":{others},{field}:{once},"last":{others}}}"#);
            doubled = if step == twice {
                let second =
                    format!("{}:{others}", one_of(&[escaped(name), field.to_string()].each_ref()));
                let first = format!("{field}:{doubled}");
                let [first, second] =
                    if random(2) == 0 { [first, second] } else { [second, first] };
                format!(r#"{{{first},"other":{others},{second}}}"#)
            } else {
                format!("{{{field}:{doubled}}}")
            };
        }
        let path = names.join(".");
        assert_eq!(body_field(once.as_bytes(), &path).as_deref(), Some("evt_1"), "{once}");
        assert_eq!(body_field(doubled.as_bytes(), &path), None, "{path:?} in {doubled}");
    }
}

/// The name with each character as its number.
fn escaped(name: &str) -> String {
    let units = name.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}
