//! Schemes in words of our own: what is signed, and how the headers say so.

mod tables;

use self::tables::{GRAMMARS, PRESETS, SIGNED};
use crate::base64::base64;
use crate::{hex, hmac_sha256, hmac_sha512};

/// A scheme as the sender's documentation states it.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// `None` is a scheme of the program's own.
    pub preset: Option<Preset>,
    pub hash: Hash,
    pub encoding: Encoding,
    pub grammar: Grammar,
    pub signed: Signed,
    pub key: Key,
    pub names: Names,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Preset {
    Nevent,
    Stripe,
    Slack,
    GitHub,
    Meta,
    Shopify,
    StandardWebhooks,
    Svix,
}

#[derive(Debug, Clone, Copy)]
pub enum Hash {
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy)]
pub enum Encoding {
    Hex,
    Base64,
}

#[derive(Debug, Clone, Copy)]
pub enum Grammar {
    /// What stands before the digest.
    Bare(&'static str),
    /// The name of the digests.
    Items(&'static str),
    /// The version of the digests.
    Versions(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub enum Signed {
    Body,
    Time { place: Place, before: &'static str, after: &'static str },
    IdAndTime { separator: &'static str },
}

#[derive(Debug, Clone, Copy)]
pub enum Place {
    Item(&'static str),
    Header,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Key {
    Text,
    Base64,
}

/// The names of the headers.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub signature: &'static str,
    pub time: &'static str,
    /// Of the id, signed or not.
    pub id: Option<&'static str>,
}

impl Parts {
    pub const NEVENT: Self = tables::NEVENT;

    /// A preset or any scheme of one's own. In a text, `a` chooses the first of what there is.
    #[must_use]
    pub fn chosen(by: [u8; 6]) -> Self {
        let [preset, hash, encoding, grammar, signed, key] =
            by.map(|byte| usize::from(byte.wrapping_sub(b'a')));
        if let Some(preset) = PRESETS.get(preset % (PRESETS.len() + 1)) {
            return *preset;
        }
        let signed = SIGNED[signed % SIGNED.len()];
        let is_item = matches!(signed, Signed::Time { place: Place::Item(_), .. });
        // The others have no items to hold a time.
        let grammars = if is_item { &GRAMMARS[..2] } else { &GRAMMARS[..] };
        Self {
            preset: None,
            hash: [Hash::Sha256, Hash::Sha512][hash % 2],
            encoding: [Encoding::Hex, Encoding::Base64][encoding % 2],
            grammar: grammars[grammar % grammars.len()],
            signed,
            key: [Key::Text, Key::Base64][key % 2],
            names: Names {
                signature: "x-signature",
                time: "x-time",
                id: matches!(signed, Signed::IdAndTime { .. }).then_some("x-id"),
            },
        }
    }

    /// Where the signed time stands, if one is.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self.signed {
            Signed::Body => None,
            Signed::Time { place, .. } => Some(place),
            Signed::IdAndTime { .. } => Some(Place::Header),
        }
    }

    #[must_use]
    pub fn signs_id(&self) -> bool {
        matches!(self.signed, Signed::IdAndTime { .. })
    }

    /// The MAC of a delivery.
    #[must_use]
    pub fn digest(&self, key: &[u8], id: &str, t: i64, body: &[u8]) -> Vec<u8> {
        let start = match self.signed {
            Signed::Body => String::new(),
            Signed::Time { before, after, .. } => format!("{before}{t}{after}"),
            Signed::IdAndTime { separator } => format!("{id}{separator}{t}{separator}"),
        };
        let text = [start.as_bytes(), body].concat();
        match self.hash {
            Hash::Sha256 => hmac_sha256(key, &text).to_vec(),
            Hash::Sha512 => hmac_sha512(key, &text).to_vec(),
        }
    }

    /// The signature header with these digests. With one, if the grammar has no more.
    #[must_use]
    pub fn line(&self, t: i64, digests: &[&[u8]]) -> String {
        let digests = digests.iter().map(|digest| self.encoding.text(digest));
        match (self.grammar, self.place()) {
            (Grammar::Bare(prefix), _) => prefix.to_owned() + &digests.take(1).collect::<String>(),
            (Grammar::Items(name), Some(Place::Item(time))) => {
                let digests = digests.map(|digest| format!(",{name}={digest}"));
                format!("{time}={t}{}", digests.collect::<String>())
            }
            (Grammar::Items(name), _) => {
                digests.map(|digest| format!("{name}={digest}")).collect::<Vec<_>>().join(",")
            }
            (Grammar::Versions(name), _) => {
                digests.map(|digest| format!("{name},{digest}")).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// The names and values of all headers of a delivery.
    #[must_use]
    pub fn headers(&self, id: &str, t: i64, digests: &[&[u8]]) -> Vec<(&'static str, String)> {
        let mut headers = vec![(self.names.signature, self.line(t, digests))];
        if matches!(self.place(), Some(Place::Header)) {
            headers.push((self.names.time, t.to_string()));
        }
        headers.extend(self.names.id.map(|name| (name, id.to_owned())));
        headers
    }
}

impl Hash {
    /// Bytes in a digest.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl Encoding {
    #[must_use]
    pub fn text(self, digest: &[u8]) -> String {
        match self {
            Self::Hex => hex(digest),
            Self::Base64 => base64(digest),
        }
    }
}
