use std::error::Error;

use nevent_webhooks::scheme::{
    Base64Key, Encoding, Hash, Scheme, SchemeError, Terms, Timed, Untimed,
};
use nevent_webhooks::{Secret, Verified};

use crate::Refused;
use crate::options::GivenSecret;
use crate::request::Request;

pub const NAMES: &str =
    "nevent, stripe, github, meta, slack, shopify, standard-webhooks, svix, clickup, generic";

/// A sender, by what its scheme needs: a signed time or none, a text or base64 for the key.
pub enum Sender {
    Timed(Scheme),
    Untimed(Scheme<Untimed>),
    Base64(Scheme<Timed, Base64Key>),
}

impl Sender {
    /// `None` if there is no such sender, or if it is `generic`.
    pub fn of_name(name: &str) -> Result<Option<Self>, SchemeError> {
        Ok(Some(match name {
            "nevent" => Self::Timed(Scheme::nevent()),
            "stripe" => Self::Timed(Scheme::stripe()),
            "slack" => Self::Timed(Scheme::slack()),
            "github" => Self::Untimed(Scheme::github()),
            "meta" => Self::Untimed(Scheme::meta()),
            "shopify" => Self::Untimed(Scheme::shopify()),
            "clickup" => Self::Untimed(clickup()?),
            "standard-webhooks" => Self::Base64(Scheme::standard_webhooks()),
            "svix" => Self::Base64(Scheme::svix()),
            _ => return Ok(None),
        }))
    }

    pub fn verify(
        &self,
        secrets: Vec<GivenSecret>,
        request: &Request,
    ) -> Result<Result<Verified, Refused>, Box<dyn Error>> {
        match self {
            Self::Timed(scheme) => Ok(request.verify(*scheme, keys(secrets, text_key)?)?),
            Self::Untimed(scheme) => Ok(request.verify(*scheme, keys(secrets, text_key)?)?),
            Self::Base64(scheme) => Ok(request.verify(*scheme, keys(secrets, base64_key)?)?),
        }
    }
}

fn clickup() -> Result<Scheme<Untimed>, SchemeError> {
    Scheme::hmac(Hash::Sha256, "x-signature")
        .name("clickup")
        .terms(Terms::new().forbidden_for_unauthorized())
        .build()
}

/// What `--scheme generic` takes.
#[derive(Default)]
pub struct Generic {
    pub hash: Option<String>,
    pub encoding: Option<String>,
    pub signature_header: Option<String>,
    pub timestamp_header: Option<String>,
    pub digest_prefix: Option<String>,
}

impl Generic {
    pub fn is_empty(&self) -> bool {
        let Self { hash, encoding, signature_header, timestamp_header, digest_prefix } = self;
        [hash, encoding, signature_header, timestamp_header, digest_prefix]
            .iter()
            .all(|option| option.is_none())
    }

    pub fn into_sender(self) -> Result<Sender, Box<dyn Error>> {
        let header = self.signature_header.ok_or("--scheme generic needs a --signature-header")?;
        let builder = Scheme::hmac(hash(self.hash.as_deref())?, lasting(&header.to_lowercase()))
            .name("generic")
            .encoding(encoding(self.encoding.as_deref())?)
            .digest_prefix(lasting(&self.digest_prefix.unwrap_or_default()));
        Ok(match self.timestamp_header {
            None => Sender::Untimed(builder.build()?),
            Some(header) => {
                let builder = builder.signed_time(lasting(&header.to_lowercase()), ".");
                Sender::Timed(builder.build()?)
            }
        })
    }
}

/// A scheme's texts are constants of the program. This program ends after one request, so it never
/// has to free those that it was given.
fn lasting(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn hash(name: Option<&str>) -> Result<Hash, String> {
    match name {
        None | Some("sha256") => Ok(Hash::Sha256),
        Some("sha512") => Ok(Hash::Sha512),
        Some(other) => Err(format!("--hash {other:?}: give sha256 or sha512")),
    }
}

fn encoding(name: Option<&str>) -> Result<Encoding, String> {
    match name {
        None | Some("hex") => Ok(Encoding::Hex),
        Some("base64") => Ok(Encoding::Base64),
        Some(other) => Err(format!("--encoding {other:?}: give hex or base64")),
    }
}

fn keys<K>(
    secrets: Vec<GivenSecret>,
    key: fn(&[u8]) -> Result<Secret<K>, String>,
) -> Result<Vec<Secret<K>>, String> {
    let named = |given: GivenSecret| match key(&given.text) {
        Ok(secret) => Ok(secret.named(given.name)),
        Err(error) => Err(format!("{}: {error}", given.origin)),
    };
    secrets.into_iter().map(named).collect()
}

/// Weak texts are allowed: senders publish such secrets with their examples.
fn text_key(text: &[u8]) -> Result<Secret, String> {
    Secret::dangerously_allow_weak(text).map_err(|error| error.to_string())
}

fn base64_key(text: &[u8]) -> Result<Secret<Base64Key>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the signing secret is not base64")?;
    Secret::from_base64(text).map_err(|error| error.to_string())
}
