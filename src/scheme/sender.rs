use std::marker::PhantomData;

use super::{Format, IdSource, Terms, TextKey, Timed};

/// How one sender signs its deliveries, identifies them, and what it expects of a receiver.
///
/// A scheme is plain data and can be a constant. `T` says whether the signature covers a time
/// ([`Timed`] or [`Untimed`](super::Untimed)), and `K` how a secret's text becomes a key ([`TextKey`]
/// or [`Base64Key`](super::Base64Key)). What does not fit does not compile: a tolerance for a sender
/// that signs no time, or a text key for a sender whose keys are base64.
///
#[cfg_attr(feature = "schemes", doc = "```")]
#[cfg_attr(not(feature = "schemes"), doc = "```ignore")]
/// use nevent_webhooks::scheme::{Scheme, Untimed};
/// use nevent_webhooks::{Secret, VerifyLayer};
///
/// const GITHUB: Scheme<Untimed> = Scheme::github();
///
/// let secret = Secret::new("4f1c1d8e0b7a4c5d9e2f3a6b7c8d9e0f")?;
/// let verify = VerifyLayer::new(GITHUB.verifier(secret));
/// # Ok::<(), nevent_webhooks::SecretError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Scheme<T = Timed, K = TextKey> {
    pub(crate) sender: Sender,
    kinds: PhantomData<(T, K)>,
}

/// The data of a scheme.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) name: &'static str,
    pub(crate) format: Format,
    pub(crate) id: IdSource,
    pub(crate) event_header: Option<&'static str>,
    pub(crate) version_header: Option<&'static str>,
    /// Whether the layers answer the sender's signed `url_verification`.
    #[cfg(feature = "schemes")]
    pub(crate) answers_url_verification: bool,
    pub(crate) terms: Terms,
}

/// Where a sender puts the id, the event's type and the version of its bodies, and the sender's terms.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(any(feature = "tower", feature = "actix", feature = "queue")), allow(dead_code))]
pub(crate) struct Places {
    pub(crate) id: IdSource,
    pub(crate) event_header: Option<&'static str>,
    pub(crate) version_header: Option<&'static str>,
    /// The headers that the signature needs or covers. Empty if nothing is signed.
    #[cfg(feature = "queue")]
    pub(crate) signed_headers: [Option<&'static str>; 3],
    pub(crate) terms: Terms,
}

impl Sender {
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn places(&self) -> Places {
        Places {
            id: self.id,
            event_header: self.event_header,
            version_header: self.version_header,
            #[cfg(feature = "queue")]
            signed_headers: self.format.signed_headers(),
            terms: self.terms,
        }
    }
}

impl<T, K> Scheme<T, K> {
    pub(super) const fn of(sender: Sender) -> Self {
        Self { sender, kinds: PhantomData }
    }

    /// The scheme's name, for logs: `"nevent"`, `"stripe"` and so on.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.sender.name
    }

    /// What the sender expects of its receivers.
    pub const fn terms(&self) -> Terms {
        self.sender.terms
    }

    /// The name of the header that carries the signature, in lower case.
    #[must_use]
    pub const fn signature_header(&self) -> &'static str {
        self.sender.format.header
    }
}

/// Implemented by hand because a derived `Clone` would need types that are `Clone`.
impl<T, K> Clone for Scheme<T, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, K> Copy for Scheme<T, K> {}
