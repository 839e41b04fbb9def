//! Envelopes as headers and a body, for brokers that have headers.

use std::str::FromStr;

use bytes::Bytes;

use super::fields::{Fields, name_of};
use super::percent::{decode, encode};
use super::{Envelope, EnvelopeError};

/// Declares the names of headers, with the field that each has in JSON.
macro_rules! headers {
    ($($constant:ident = $field:literal, $name:literal;)*) => {
        $(const $constant: Header = Header {
            field: $field,
            name: concat!("webhook-envelope-", $name),
        };)*
        const NAMES: &[&str] = &[$(concat!("webhook-envelope-", $name)),*];
    };
}

/// One header.
#[derive(Clone, Copy)]
struct Header {
    /// The field's name in JSON.
    field: &'static str,
    name: &'static str,
}

headers! {
    VERSION = "version", "version";
    ID = "id", "id";
    DEDUPE_KEY = "dedupe_key", "dedupe-key";
    DELIVERY_ID = "delivery_id", "delivery-id";
    POSITION = "position", "position";
    SCHEME = "scheme", "scheme";
    EVENT_TYPE = "event_type", "event-type";
    EVENT_HEADER = "event_header", "event-header";
    VERSION_HEADER = "version_header", "version-header";
    IS_READABLE = "is_readable", "is-readable";
    RECEIVED_AT_MS = "received_at_ms", "received-at-ms";
    SIGNED_AT = "signed_at", "signed-at";
    SECRET = "secret", "secret";
    TENANT = "tenant", "tenant";
    ENDPOINT = "endpoint", "endpoint";
    TRACEPARENT = "traceparent", "traceparent";
    TRACESTATE = "tracestate", "tracestate";
    SIGNATURE = "signature", "signature";
}

impl Envelope {
    /// The names of all headers that an envelope may have, in lower case.
    pub const HEADER_NAMES: &'static [&'static str] = NAMES;

    /// The headers of the envelope, for a broker that has headers. [`Envelope::body`] is the message's
    /// body.
    ///
    /// Names and values are visible ASCII: everything else, and `%`, is percent-encoded.
    ///
    /// ```
    /// use nevent_webhooks::queue::Envelope;
    /// # use nevent_webhooks::{Secret, testing::SignedDelivery};
    /// # let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// # let delivery = SignedDelivery::new(&secret, "d-1", "{}").verified(&secret)?;
    /// let envelope = Envelope::of(&delivery);
    /// let message: std::collections::HashMap<_, _> = envelope.headers().collect();
    /// assert_eq!(message["webhook-envelope-id"], "d-1");
    ///
    /// let body = envelope.body().clone();
    /// let again = Envelope::from_headers(|name| message.get(name), body)?;
    /// assert_eq!(again, envelope);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let text = |header: Header, text: &str| Some((header.name, encode(text, b"")));
        let optional = |header: Header, value: Option<&str>| text(header, value?);
        let number = |header: Header, number: Option<i64>| text(header, &number?.to_string());
        [
            text(VERSION, &Self::VERSION.to_string()),
            text(ID, self.id().as_str()),
            text(DEDUPE_KEY, name_of(self.dedupe_key())),
            text(DELIVERY_ID, self.delivery_id().as_str()),
            number(POSITION, self.position().map(i64::from)),
            text(SCHEME, self.scheme()),
            optional(EVENT_TYPE, self.event_type()),
            optional(EVENT_HEADER, self.event_header()),
            optional(VERSION_HEADER, self.version_header()),
            text(IS_READABLE, &self.is_readable().to_string()),
            number(RECEIVED_AT_MS, Some(self.received_at_millis())),
            number(SIGNED_AT, self.signed_at()),
            text(SECRET, self.secret_name()),
            optional(TENANT, self.tenant()),
            optional(ENDPOINT, self.endpoint()),
            optional(TRACEPARENT, self.traceparent()),
            optional(TRACESTATE, self.tracestate()),
            pairs(&self.head.signature).map(|pairs| (SIGNATURE.name, pairs)),
        ]
        .into_iter()
        .flatten()
    }

    /// Reads an envelope from a message's headers and body. `lookup` returns the value of the header of
    /// this name, which is in lower case. Headers of other names are ignored.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`].
    pub fn from_headers<V: AsRef<[u8]>>(
        lookup: impl Fn(&'static str) -> Option<V>,
        body: impl Into<Bytes>,
    ) -> Result<Self, EnvelopeError> {
        let found = Lookup(lookup);
        let version = Fields { version: found.parsed(VERSION)?, ..Fields::default() };
        // First: another version may write the others otherwise.
        version.check_version()?;
        let fields = Fields {
            id: found.text(ID)?,
            dedupe_key: found.text(DEDUPE_KEY)?,
            delivery_id: found.text(DELIVERY_ID)?,
            position: found.parsed(POSITION)?,
            scheme: found.text(SCHEME)?,
            event_type: found.text(EVENT_TYPE)?,
            event_header: found.text(EVENT_HEADER)?,
            version_header: found.text(VERSION_HEADER)?,
            is_readable: found.parsed(IS_READABLE)?,
            received_at_ms: found.parsed(RECEIVED_AT_MS)?,
            signed_at: found.parsed(SIGNED_AT)?,
            secret: found.text(SECRET)?,
            tenant: found.text(TENANT)?,
            endpoint: found.text(ENDPOINT)?,
            traceparent: found.text(TRACEPARENT)?,
            tracestate: found.text(TRACESTATE)?,
            signature: found.pairs(SIGNATURE)?,
            ..version
        };
        fields.check(body.into())
    }
}

/// The headers of a message.
struct Lookup<F>(F);

impl<V: AsRef<[u8]>, F: Fn(&'static str) -> Option<V>> Lookup<F> {
    fn value<T>(
        &self,
        header: Header,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, EnvelopeError> {
        let Some(value) = (self.0)(header.name) else { return Ok(None) };
        let read = str::from_utf8(value.as_ref()).ok().and_then(read);
        read.map(Some).ok_or(EnvelopeError::malformed(header.field, "not encoded as its header is"))
    }

    fn text(&self, header: Header) -> Result<Option<String>, EnvelopeError> {
        self.value(header, decode)
    }

    fn parsed<T: FromStr>(&self, header: Header) -> Result<Option<T>, EnvelopeError> {
        self.value(header, |text| text.parse().ok())
    }

    fn pairs(&self, header: Header) -> Result<Option<Vec<(String, String)>>, EnvelopeError> {
        self.value(header, |text| text.split('&').map(pair).collect())
    }
}

/// `name=value` pairs between `&`s. `None` if there are no pairs.
fn pairs(pairs: &[(String, String)]) -> Option<String> {
    let encoded = |text: &str| encode(text, b"&=");
    let written =
        |(name, value): &(String, String)| format!("{}={}", encoded(name), encoded(value));
    (!pairs.is_empty()).then(|| pairs.iter().map(written).collect::<Vec<_>>().join("&"))
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((decode(name)?, decode(value)?))
}
