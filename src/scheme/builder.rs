use std::marker::PhantomData;

use super::sender::Sender;
use super::{
    Base64Key, Encoding, Format, Grammar, Hash, IdSource, Scheme, SchemeError, Signed, Terms,
    TextKey, TimeSource, Timed, Untimed,
};

/// A scheme under construction: see [`Scheme::hmac`].
///
/// Of two calls that set the same part, such as the form of the signature header, the last one counts.
#[derive(Debug)]
#[must_use]
pub struct SchemeBuilder<T, K> {
    sender: Sender,
    kinds: PhantomData<(T, K)>,
}

impl Scheme<Untimed, TextKey> {
    /// Begins a scheme of your own, for a sender with an HMAC in this header. The name of a header is
    /// in lower case.
    ///
    /// Until you say otherwise, the header holds one digest in hex, the signature covers the body
    /// alone, the key is the secret's text, and the sender gives no id.
    ///
    /// A time or an id counts only if the signature covers it. Ask the sender: without a signed time,
    /// a captured request stays genuine, and only deduplication refuses it.
    ///
    /// ```
    /// use nevent_webhooks::Secret;
    /// use nevent_webhooks::scheme::{Hash, Scheme};
    ///
    /// // `X-Signature: <hex>` over `{X-Timestamp}.{body}`
    /// let scheme = Scheme::hmac(Hash::Sha512, "x-signature")
    ///     .name("acme")
    ///     .signed_time("x-timestamp", ".")
    ///     .id_header("x-delivery-id")
    ///     .event_header("x-event-type")
    ///     .version_header("x-webhook-version")
    ///     .build()?;
    /// let verifier = scheme.verifier(Secret::new("generic_secret_0123456789abcdef")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn hmac(
        hash: Hash,
        signature_header: &'static str,
    ) -> SchemeBuilder<Untimed, TextKey> {
        SchemeBuilder::of(Sender {
            name: "custom",
            format: Format {
                hash,
                encoding: Encoding::Hex,
                header: signature_header,
                grammar: Grammar::Bare { prefix: "" },
                before: "",
                signed: Signed::Body,
            },
            id: IdSource::BodyHash,
            event_header: None,
            version_header: None,
            answers_url_verification: false,
            terms: Terms::new(),
        })
    }
}

impl<T, K> Scheme<T, K> {
    /// Begins a scheme that differs from this one.
    ///
    /// ```
    /// use nevent_webhooks::scheme::Scheme;
    ///
    /// // Stripe's signature, for a sender whose events have an `event_id`.
    /// let scheme = Scheme::stripe().builder().name("acme").id_in_body("event_id").build()?;
    /// assert_eq!(scheme.name(), "acme");
    /// # Ok::<(), nevent_webhooks::scheme::SchemeError>(())
    /// ```
    pub const fn builder(self) -> SchemeBuilder<T, K> {
        SchemeBuilder::of(self.sender)
    }
}

impl<K> SchemeBuilder<Untimed, K> {
    /// Adds a time to what is signed: `{time}{separator}{body}`. The time stands in a header of its own,
    /// in Unix seconds.
    pub const fn signed_time(
        self,
        header: &'static str,
        separator: &'static str,
    ) -> SchemeBuilder<Timed, K> {
        let time = TimeSource::Header(header);
        self.signing(Signed::Time { time, separator })
    }

    /// Adds a time to what is signed: `{time}{separator}{body}`. The time is an item of the signature
    /// header, whose items are `<time>=<Unix seconds>,<digest>=<digest>`.
    pub const fn items_with_time(
        self,
        time: &'static str,
        digest: &'static str,
        separator: &'static str,
    ) -> SchemeBuilder<Timed, K> {
        let time = TimeSource::Item(time);
        self.items(digest).signing(Signed::Time { time, separator })
    }

    /// Adds an id and a time to what is signed: `{id}{separator}{time}{separator}{body}`. Each stands
    /// in a header of its own. Deliveries are claimed by that id alone. The separator contains no digit.
    pub const fn signed_id_and_time(
        self,
        id_header: &'static str,
        time_header: &'static str,
        separator: &'static str,
    ) -> SchemeBuilder<Timed, K> {
        let time = TimeSource::Header(time_header);
        let mut builder = self.signing(Signed::IdAndTime { id_header, time, separator });
        builder.sender.id = IdSource::SignedHeader;
        builder
    }

    const fn signing(mut self, signed: Signed) -> SchemeBuilder<Timed, K> {
        self.sender.format.signed = signed;
        SchemeBuilder::of(self.sender)
    }
}

impl<T> SchemeBuilder<T, TextKey> {
    /// Takes keys that are written in base64: see
    /// [`Secret::from_base64`](crate::Secret::from_base64).
    pub const fn base64_key(self) -> SchemeBuilder<T, Base64Key> {
        SchemeBuilder::of(self.sender)
    }
}

impl<T, K> SchemeBuilder<T, K> {
    const fn of(sender: Sender) -> Self {
        Self { sender, kinds: PhantomData }
    }

    /// Sets the scheme's name, for logs. Default `custom`.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.sender.name = name;
        self
    }

    /// Sets how the header writes a digest. Default hex.
    pub const fn encoding(mut self, encoding: Encoding) -> Self {
        self.sender.format.encoding = encoding;
        self
    }

    /// Sets what stands before the only digest of the header, such as `sha256=`.
    pub const fn digest_prefix(mut self, prefix: &'static str) -> Self {
        self.sender.format.grammar = Grammar::Bare { prefix };
        self
    }

    /// Says that the header has `name=value` items between commas, and that the digests have this name.
    pub const fn items(mut self, digest: &'static str) -> Self {
        self.sender.format.grammar = Grammar::Items { digest };
        self
    }

    /// Says that the header has `version,digest` items between spaces, of which those of this version
    /// count.
    pub const fn versions(mut self, version: &'static str) -> Self {
        self.sender.format.grammar = Grammar::Versions { version };
        self
    }

    /// Sets a fixed text that stands before everything else that is signed. Slack signs
    /// `v0:{time}:{body}`, with `v0:` before.
    pub const fn signed_prefix(mut self, prefix: &'static str) -> Self {
        self.sender.format.before = prefix;
        self
    }

    /// Takes the id from a header that the signature does not cover.
    pub const fn id_header(mut self, name: &'static str) -> Self {
        self.sender.id = IdSource::Header(name);
        self
    }

    /// Takes the id from a field of the JSON body. The path has names and, for arrays, positions from
    /// 0, between full stops: `data.items.0.id`. The field is a string or a whole number. A body
    /// without it is identified by its hash.
    pub const fn id_in_body(mut self, path: &'static str) -> Self {
        self.sender.id = IdSource::BodyField(path);
        self
    }

    /// Takes the hash of the body for the id, for a sender that gives none.
    pub const fn id_from_body_hash(mut self) -> Self {
        self.sender.id = IdSource::BodyHash;
        self
    }

    /// Sets the header that names the event's type. The signature does not cover it.
    pub const fn event_header(mut self, name: &'static str) -> Self {
        self.sender.event_header = Some(name);
        self
    }

    /// Sets the header that names the version of the body's format. The signature does not cover it.
    pub const fn version_header(mut self, name: &'static str) -> Self {
        self.sender.version_header = Some(name);
        self
    }

    /// Has the layers answer a handshake as Slack's: a genuine and fresh delivery whose body is a JSON
    /// object with `"type": "url_verification"` and a `"challenge"`. The response is 200 with the
    /// challenge as plain text. The handler does not run, and the store is not asked.
    ///
    /// [`Scheme::slack`] answers it already.
    pub const fn answers_url_verification(mut self) -> Self {
        self.sender.answers_url_verification = true;
        self
    }

    /// Sets what the sender expects of its receivers. Default [`Terms::new`].
    pub const fn terms(mut self, terms: Terms) -> Self {
        self.sender.terms = terms;
        self
    }

    /// Checks the parts, and returns the scheme.
    ///
    /// # Errors
    ///
    /// [`SchemeError`]
    pub const fn build(self) -> Result<Scheme<T, K>, SchemeError> {
        match super::check::check(&self.sender) {
            Ok(()) => Ok(Scheme::of(self.sender)),
            Err(error) => Err(error),
        }
    }
}

/// Implemented by hand because a derived `Clone` would need types that are `Clone`.
impl<T, K> Clone for SchemeBuilder<T, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, K> Copy for SchemeBuilder<T, K> {}
