//! What the library makes of a scheme: its verifier and its signer, whatever their types.

use nevent_webhooks::scheme::{
    Base64Key, Encoding, Hash, Scheme, SchemeBuilder, SchemeError, TextKey, Timed, Untimed,
};
use nevent_webhooks::{
    RotationError, Secret, SecretError, Signer, Tolerance, Verification, Verifier, VerifyError,
};

use crate::base64::base64;
use crate::scheme::{self, Grammar, Key, Parts, Place, Preset, Signed};

/// Secrets of one of the two kinds.
pub enum Secrets {
    Text(Vec<Secret>),
    Base64(Vec<Secret<Base64Key>>),
}

impl Secrets {
    /// Secrets with these names and keys.
    ///
    /// # Errors
    ///
    /// If a key is too weak for its kind.
    pub fn new(kind: Key, named_keys: &[(&str, &[u8])]) -> Result<Self, SecretError> {
        let keys = named_keys.iter();
        Ok(match kind {
            Key::Text => Self::Text(
                keys.map(|(name, key)| Ok(Secret::dangerously_allow_weak(key)?.named(*name)))
                    .collect::<Result<_, SecretError>>()?,
            ),
            Key::Base64 => Self::Base64(
                keys.map(|(name, key)| {
                    let text = format!("whsec_{}", base64(key));
                    Ok(Secret::from_base64(text)?.named(*name))
                })
                .collect::<Result<_, SecretError>>()?,
            ),
        })
    }
}

/// The library's part in a comparison.
pub struct Library {
    /// Knows all secrets.
    pub verifier: Box<dyn AnyVerifier>,
    /// Signs with the first secret.
    pub signer: Box<dyn AnySigner>,
}

pub trait AnyVerifier {
    /// # Errors
    ///
    /// As `Verifier::begin`.
    fn begin(&self, lines: &[&[u8]]) -> Result<Verification, VerifyError>;

    /// # Errors
    ///
    /// As `Verifier::begin_request`.
    fn begin_request<'a>(
        &self,
        lines_of: &dyn Fn(&str) -> Vec<&'a [u8]>,
    ) -> Result<Verification, VerifyError>;
}

pub trait AnySigner {
    fn headers(&self, id: &str, t: i64, body: &[u8]) -> Vec<(&'static str, String)>;
}

impl<T, K> AnyVerifier for Verifier<T, K> {
    fn begin(&self, lines: &[&[u8]]) -> Result<Verification, VerifyError> {
        Self::begin(self, lines.iter().copied())
    }

    fn begin_request<'a>(
        &self,
        lines_of: &dyn Fn(&str) -> Vec<&'a [u8]>,
    ) -> Result<Verification, VerifyError> {
        Self::begin_request(self, lines_of)
    }
}

impl<K> AnySigner for Signer<Timed, K> {
    fn headers(&self, id: &str, t: i64, body: &[u8]) -> Vec<(&'static str, String)> {
        Self::headers(self, id, t, body)
    }
}

impl<K> AnySigner for Signer<Untimed, K> {
    fn headers(&self, id: &str, _: i64, body: &[u8]) -> Vec<(&'static str, String)> {
        Self::headers(self, id, body)
    }
}

impl Library {
    /// # Errors
    ///
    /// If two of the secrets are the same.
    ///
    /// # Panics
    ///
    /// If the library refuses the scheme, or the secrets are not of its kind.
    pub fn new(
        parts: &Parts,
        secrets: &Secrets,
        tolerance: Tolerance,
    ) -> Result<Self, RotationError> {
        let timed = |scheme, secrets| timed(scheme, secrets, tolerance);
        match (parts.preset, secrets) {
            (None, Secrets::Text(secrets)) => {
                composed(parts, begun(parts), secrets, tolerance).expect("a scheme")
            }
            (None, Secrets::Base64(secrets)) => {
                composed(parts, begun(parts).base64_key(), secrets, tolerance).expect("a scheme")
            }
            (Some(Preset::Nevent), Secrets::Text(secrets)) => nevent(secrets, tolerance),
            (Some(Preset::Stripe), Secrets::Text(secrets)) => timed(Scheme::stripe(), secrets),
            (Some(Preset::Slack), Secrets::Text(secrets)) => timed(Scheme::slack(), secrets),
            (Some(Preset::GitHub), Secrets::Text(secrets)) => untimed(Scheme::github(), secrets),
            (Some(Preset::Meta), Secrets::Text(secrets)) => untimed(Scheme::meta(), secrets),
            (Some(Preset::Shopify), Secrets::Text(secrets)) => untimed(Scheme::shopify(), secrets),
            (Some(Preset::StandardWebhooks), Secrets::Base64(secrets)) => {
                self::timed(Scheme::standard_webhooks(), secrets, tolerance)
            }
            (Some(Preset::Svix), Secrets::Base64(secrets)) => {
                self::timed(Scheme::svix(), secrets, tolerance)
            }
            (Some(preset), _) => panic!("{preset:?} has secrets of the other kind"),
        }
    }
}

fn begun(parts: &Parts) -> SchemeBuilder<Untimed, TextKey> {
    let hash = match parts.hash {
        scheme::Hash::Sha256 => Hash::Sha256,
        scheme::Hash::Sha512 => Hash::Sha512,
    };
    let encoding = match parts.encoding {
        scheme::Encoding::Hex => Encoding::Hex,
        scheme::Encoding::Base64 => Encoding::Base64,
    };
    Scheme::hmac(hash, parts.names.signature).encoding(encoding)
}

fn composed<K: Copy + 'static>(
    parts: &Parts,
    builder: SchemeBuilder<Untimed, K>,
    secrets: &[Secret<K>],
    tolerance: Tolerance,
) -> Result<Result<Library, RotationError>, SchemeError> {
    let names = parts.names;
    let builder = match parts.grammar {
        Grammar::Bare(prefix) => builder.digest_prefix(prefix),
        Grammar::Items(digest) => builder.items(digest),
        Grammar::Versions(version) => builder.versions(version),
    };
    let builder = match (parts.signed, parts.grammar) {
        (Signed::Body, _) => return Ok(untimed(builder.build()?, secrets)),
        (Signed::Time { place: Place::Header, before, after }, _) => {
            builder.signed_time(names.time, after).signed_prefix(before)
        }
        (Signed::Time { place: Place::Item(time), before, after }, Grammar::Items(digest)) => {
            builder.items_with_time(time, digest, after).signed_prefix(before)
        }
        (Signed::Time { .. }, _) => return Err(SchemeError::NoItems),
        (Signed::IdAndTime { separator }, _) => {
            builder.signed_id_and_time(names.id.unwrap_or_default(), names.time, separator)
        }
    };
    Ok(timed(builder.build()?, secrets, tolerance))
}

/// As a receiver of Nevent alone writes it.
fn nevent(secrets: &[Secret], tolerance: Tolerance) -> Result<Library, RotationError> {
    let verifier = match secrets {
        [secret] => Verifier::new(secret.clone()),
        secrets => Verifier::with_secrets(secrets.iter().cloned())?,
    };
    let signer = Box::new(Signer::new(&secrets[0]));
    Ok(Library { verifier: Box::new(verifier.tolerance(tolerance)), signer })
}

fn timed<K: Copy + 'static>(
    scheme: Scheme<Timed, K>,
    secrets: &[Secret<K>],
    tolerance: Tolerance,
) -> Result<Library, RotationError> {
    let verifier = scheme.verifier(secrets[0].clone()).tolerance(tolerance);
    verifier.replace_secrets(secrets.iter().cloned())?;
    let signer = Box::new(scheme.signer(&secrets[0]));
    Ok(Library { verifier: Box::new(verifier), signer })
}

fn untimed<K: Copy + 'static>(
    scheme: Scheme<Untimed, K>,
    secrets: &[Secret<K>],
) -> Result<Library, RotationError> {
    let verifier = scheme.verifier(secrets[0].clone());
    verifier.replace_secrets(secrets.iter().cloned())?;
    let signer = Box::new(scheme.signer(&secrets[0]));
    Ok(Library { verifier: Box::new(verifier), signer })
}
