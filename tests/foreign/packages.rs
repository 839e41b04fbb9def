//! The packages, each with what it can sign.

use nevent_webhooks::Secret;
use nevent_webhooks::scheme::{Hash, Scheme};

use crate::cases::{Case, Numbers};
use crate::known_sender::KnownSender;

/// The pinned versions stand in `node/package.json` and `python/requirements.txt`.
pub struct Package {
    /// The name that its program knows it by.
    pub name: &'static str,
    /// The sender, as this library knows it, with a secret.
    pub sender: fn(&str) -> KnownSender,
    pub key: Key,
    pub body: Body,
    pub latest: i64,
}

pub enum Key {
    Text,
    Base64,
}

/// What a package takes for a body.
pub enum Body {
    Bytes,
    Text,
    Json,
}

/// A year with four digits, the most that Python's dates can hold.
const YEAR_8000: i64 = 190_000_000_000;
/// JavaScript's numbers are exact up to here.
const EXACT: i64 = 1 << 53;

pub const NODE: [Package; 6] = [
    Package { name: "stripe", sender: stripe, key: Key::Text, body: Body::Text, latest: EXACT },
    text("@octokit/webhooks-methods", |key| KnownSender::untimed(Scheme::github(), weak(key))),
    standard("svix", |key| KnownSender::timed(Scheme::svix(), base64(key))),
    standard("standardwebhooks", standard_webhooks),
    text("@slack/bolt", slack),
    text("@shopify/shopify-api", |key| KnownSender::untimed(Scheme::shopify(), weak(key))),
];

pub const PYTHON: [Package; 5] = [
    Package {
        name: "hmac",
        sender: |key| KnownSender::timed(Scheme::nevent(), weak(key)),
        key: Key::Text,
        body: Body::Bytes,
        latest: i64::MAX,
    },
    Package {
        name: "hmac of SHA-512",
        sender: sha512,
        key: Key::Text,
        body: Body::Bytes,
        latest: i64::MAX,
    },
    text("stripe", stripe),
    standard("standardwebhooks", standard_webhooks),
    text("slack_sdk", slack),
];

impl Package {
    /// Random deliveries, the same each time.
    pub fn cases(&'static self, count: usize) -> impl Iterator<Item = Case> + Send {
        let mut numbers = Numbers::new(self.name);
        (0..count).map(move |_| Case::random(self, &mut numbers))
    }
}

const fn text(name: &'static str, sender: fn(&str) -> KnownSender) -> Package {
    Package { name, sender, key: Key::Text, body: Body::Text, latest: YEAR_8000 }
}

/// These parse the body after they have verified it.
const fn standard(name: &'static str, sender: fn(&str) -> KnownSender) -> Package {
    Package { name, sender, key: Key::Base64, body: Body::Json, latest: YEAR_8000 }
}

fn stripe(key: &str) -> KnownSender {
    KnownSender::timed(Scheme::stripe(), weak(key))
}

fn slack(key: &str) -> KnownSender {
    KnownSender::timed(Scheme::slack(), weak(key))
}

fn standard_webhooks(key: &str) -> KnownSender {
    KnownSender::timed(Scheme::standard_webhooks(), base64(key))
}

fn sha512(key: &str) -> KnownSender {
    let scheme = Scheme::hmac(Hash::Sha512, "x-signature").signed_time("x-timestamp", ".");
    KnownSender::timed(scheme.build().expect("a scheme"), weak(key))
}

/// Random text may have quotes and control characters in it.
fn weak(key: &str) -> Secret {
    Secret::dangerously_allow_weak(key).expect("a key")
}

fn base64(key: &str) -> Secret<nevent_webhooks::scheme::Base64Key> {
    Secret::from_base64(key).expect("base64")
}
