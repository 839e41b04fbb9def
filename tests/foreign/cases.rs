//! Random deliveries, and how they are forged.

use std::hash::{DefaultHasher, Hasher};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::known_sender::{Headers, KnownSender, flipped};
use crate::packages::{Body, Key, Package};

/// A delivery to sign.
pub struct Case {
    pub secret: String,
    pub id: String,
    pub time: i64,
    pub body: Vec<u8>,
    /// Chooses what is forged.
    dice: usize,
}

impl Case {
    pub fn random(package: &Package, numbers: &mut Numbers) -> Self {
        let secret = match package.key {
            Key::Text => format!("whsec_{}{}", numbers.next(), numbers.text(80)),
            Key::Base64 => {
                let length = 24 + numbers.below(41);
                let prefix = ["", "whsec_"][numbers.below(2)];
                format!("{prefix}{}", STANDARD.encode(numbers.bytes(length)))
            }
        };
        let body = match package.body {
            Body::Bytes => {
                let length = numbers.below(300);
                numbers.bytes(length)
            }
            Body::Text => format!("{{{}", numbers.text(300)).into(),
            Body::Json => {
                json!({"type": numbers.text(20), "data": numbers.text(280)}).to_string().into()
            }
        };
        let id = format!("msg_{:x}", numbers.next());
        Self { secret, id, time: numbers.time(package.latest), body, dice: numbers.below(1 << 20) }
    }

    /// A line of JSON for a program: the delivery as we sign it, and forgeries of it.
    pub fn question(&self, package: &Package) -> String {
        let sender = (package.sender)(&self.secret);
        let headers = sender.sign(&self.id, self.time, &self.body);
        let forged = self.forged_headers(&sender, &headers);
        json!({
            "package": package.name,
            "secret": self.secret,
            "id": self.id,
            "time": self.time,
            "body": hex::encode(&self.body),
            "headers": object(&headers),
            "forged_body": hex::encode(self.forged_body()),
            "forged_headers": forged.iter().map(object).collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// The body with one bit flipped. Text stays text.
    pub fn forged_body(&self) -> Vec<u8> {
        let ascii: Vec<_> = (0..self.body.len()).filter(|at| self.body[*at].is_ascii()).collect();
        match ascii.get(self.dice % ascii.len().max(1)) {
            Some(at) => flipped(&self.body, 8 * at + self.dice % 7),
            None => [&*self.body, b" "].concat(),
        }
    }

    /// The headers with another digest, and with another time or id where the signature covers them.
    pub fn forged_headers(&self, sender: &KnownSender, headers: &Headers) -> Vec<Headers> {
        let forgeries = (0..headers.len()).flat_map(|at| {
            let (name, value) = &headers[at];
            let forged = self.forged_values(sender, name, value);
            forged.into_iter().map(move |value| {
                let mut headers = headers.clone();
                headers[at].1 = value;
                headers
            })
        });
        forgeries.collect()
    }

    fn forged_values(&self, sender: &KnownSender, name: &str, value: &[u8]) -> Vec<Vec<u8>> {
        let next = self.time.wrapping_add(1).unsigned_abs().to_string();
        if name == sender.signature_header {
            // The last two digits of base64 may have bits that do not count.
            let mut digest = value.to_vec();
            let at = value.len() - 3 - self.dice % 40;
            digest[at] = if digest[at] == b'0' { b'1' } else { b'0' };
            let text = std::str::from_utf8(value).expect("ASCII");
            let later = text.strip_prefix(&format!("t={},", self.time));
            let later = later.map(|rest| format!("t={next},{rest}").into_bytes());
            later.into_iter().chain([digest]).collect()
        } else if name.ends_with("timestamp") {
            vec![next.into()]
        } else if ["webhook-id", "svix-id"].contains(&name) {
            vec![[value, b"0"].concat()]
        } else {
            Vec::new()
        }
    }
}

fn object(headers: &Headers) -> Value {
    let text = |value: &Vec<u8>| String::from_utf8(value.clone()).expect("ASCII").into();
    let fields = headers.iter().map(|(name, value)| (name.clone(), text(value)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// Numbers that look random and are the same each time (`SplitMix64`).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(name: &str) -> Self {
        let mut seed = DefaultHasher::new();
        seed.write(name.as_bytes());
        Self(seed.finish())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.next() % limit).expect("small")
    }

    /// Of any magnitude.
    fn time(&mut self, latest: i64) -> i64 {
        let time = i64::try_from(self.next() >> (1 + self.below(62))).expect("positive");
        time % latest + 1
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.next() >> 56).expect("a byte")).collect()
    }

    fn text(&mut self, most: u64) -> String {
        const ALPHABET: &str = "abcXYZ019_-.,=\"\\/{}[]: \t\u{e9}\u{20ac}\u{1d11e}\u{0}\u{7f}";
        let alphabet: Vec<char> = ALPHABET.chars().collect();
        let length = self.below(most + 1);
        (0..length).map(|_| alphabet[self.below(alphabet.len() as u64)]).collect()
    }
}
