//! Senders other than Nevent, and the requests that they sign.

use nevent_webhooks::scheme::{Base64Key, Hash, Scheme, SchemeBuilder, TextKey, Timed, Untimed};
use nevent_webhooks::{DedupeOptions, Secret, Signer, Tenant};

use super::receiver::{Receiver, Setup, secret};
use super::{Adapter, OTHER_SECRET, Post, SECRET};

/// A sender with its scheme and its secret.
pub struct Sender {
    pub name: &'static str,
    /// The header that carries the signature.
    pub signature: &'static str,
    pub is_timed: bool,
    /// The header that carries the signed time.
    pub time: Option<&'static str>,
    /// The header that carries the signed id.
    pub signed_id: Option<&'static str>,
    scheme: Box<dyn OfScheme>,
}

/// What a sender does with its scheme, whatever the types of that are.
trait OfScheme {
    fn sign(&self, key: Key, id: &str, time: i64, body: &[u8]) -> Headers;
    fn verified(&self, setup: Setup) -> Setup;
    fn options(&self) -> DedupeOptions;
    fn tenant(&self, name: &str) -> Tenant;
}

/// The key that a sender signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The receiver's.
    Right,
    Wrong,
}

/// The secrets of a kind.
pub trait Keyed: Copy + 'static {
    fn secret(key: Key) -> Secret<Self>;
}

impl Keyed for TextKey {
    fn secret(key: Key) -> Secret {
        secret(if key == Key::Right { SECRET } else { OTHER_SECRET })
    }
}

impl Keyed for Base64Key {
    fn secret(key: Key) -> Secret<Self> {
        let text = match key {
            Key::Right => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            Key::Wrong => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        };
        Secret::from_base64(text).expect("a secret")
    }
}

/// Signs, without the time if the signature covers none.
pub trait Signs<K>: Copy + 'static {
    const IS_TIMED: bool;

    fn headers(signer: &Signer<Self, K>, id: &str, time: i64, body: &[u8]) -> Headers;
}

type Headers = Vec<(&'static str, String)>;

impl<K> Signs<K> for Timed {
    const IS_TIMED: bool = true;

    fn headers(signer: &Signer<Self, K>, id: &str, time: i64, body: &[u8]) -> Headers {
        signer.headers(id, time, body)
    }
}

impl<K> Signs<K> for Untimed {
    const IS_TIMED: bool = false;

    fn headers(signer: &Signer<Self, K>, id: &str, _: i64, body: &[u8]) -> Headers {
        signer.headers(id, body)
    }
}

impl<T: Signs<K>, K: Keyed> OfScheme for Scheme<T, K> {
    fn sign(&self, key: Key, id: &str, time: i64, body: &[u8]) -> Headers {
        T::headers(&self.signer(&K::secret(key)), id, time, body)
    }

    fn verified(&self, setup: Setup) -> Setup {
        setup.verifier(self.verifier(K::secret(Key::Right)))
    }

    fn options(&self) -> DedupeOptions {
        DedupeOptions::for_scheme(*self)
    }

    fn tenant(&self, name: &str) -> Tenant {
        Tenant::new(name, self.verifier(K::secret(Key::Right))).expect("a name")
    }
}

impl Sender {
    pub fn of<T: Signs<K>, K: Keyed>(scheme: Scheme<T, K>) -> Self {
        Self {
            name: scheme.name(),
            signature: scheme.signature_header(),
            is_timed: T::IS_TIMED,
            time: None,
            signed_id: None,
            scheme: Box::new(scheme),
        }
    }

    pub fn with_time(mut self, header: &'static str) -> Self {
        self.time = Some(header);
        self
    }

    fn with_signed_id(mut self, header: &'static str) -> Self {
        self.signed_id = Some(header);
        self
    }

    /// One of each kind of scheme.
    pub fn all() -> Vec<Self> {
        let (standard, svix) = (Scheme::standard_webhooks(), Scheme::svix());
        vec![
            Self::of(Scheme::nevent()),
            Self::of(Scheme::stripe()),
            Self::of(Scheme::slack()).with_time("x-slack-request-timestamp"),
            Self::of(standard).with_time("webhook-timestamp").with_signed_id("webhook-id"),
            Self::of(svix).with_time("svix-timestamp").with_signed_id("svix-id"),
            Self::of(Scheme::github()),
            Self::of(Scheme::meta()),
            Self::of(Scheme::shopify()),
            Self::of(sha512("sha512").build().expect("a scheme")),
            Self::of(sha512("sha512-timed").signed_time("x-time", ".").build().expect("a scheme"))
                .with_time("x-time"),
        ]
    }

    pub fn timed() -> impl Iterator<Item = Self> {
        Self::all().into_iter().filter(|sender| sender.is_timed)
    }

    pub fn untimed() -> impl Iterator<Item = Self> {
        Self::all().into_iter().filter(|sender| !sender.is_timed)
    }

    /// A receiver of this sender's deliveries.
    pub fn on(&self, adapter: Adapter) -> Setup {
        self.receiving(Receiver::on(adapter))
    }

    pub fn receiving(&self, setup: Setup) -> Setup {
        println!("{}", self.name); // for the output of a test that fails
        self.scheme.verified(setup)
    }

    pub fn options(&self) -> DedupeOptions {
        self.scheme.options()
    }

    pub fn tenant(&self, name: &str) -> Tenant {
        self.scheme.tenant(name)
    }

    /// A genuine delivery of this id, in the header or in the body.
    pub fn post(&self, id: &str, time: i64) -> Post {
        self.post_body(id, time, body_of(id))
    }

    pub fn post_body(&self, id: &str, time: i64, body: impl AsRef<[u8]>) -> Post {
        self.post_with(Key::Right, id, time, body)
    }

    pub fn post_with(&self, key: Key, id: &str, time: i64, body: impl AsRef<[u8]>) -> Post {
        Post::of_headers(self.scheme.sign(key, id, time, body.as_ref()), body.as_ref())
    }
}

/// A body with the id where Stripe and Slack have theirs.
pub fn body_of(id: &str) -> String {
    format!(r#"{{"id":"{id}","event_id":"{id}","text":"José €"}}"#)
}

fn sha512(name: &'static str) -> SchemeBuilder<Untimed, TextKey> {
    Scheme::hmac(Hash::Sha512, "x-signature").name(name).id_header("x-delivery-id")
}
