//! Envelopes as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;

use super::fields::{Fields, name_of, required};
use super::{Envelope, EnvelopeError};
use crate::delivery::read_json;

/// The fields in the order in which they are written.
#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    id: &'a str,
    dedupe_key: &'static str,
    delivery_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    scheme: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_header: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_header: Option<&'a str>,
    is_readable: bool,
    received_at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_at: Option<i64>,
    secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    signature: &'a [(String, String)],
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl Envelope {
    /// Writes the envelope as one JSON object. A body that is UTF-8 is the string `body`, so that a
    /// worker in any language can read it. Any other body is `body_base64`.
    ///
    /// ```
    /// use nevent_webhooks::queue::Envelope;
    /// # use nevent_webhooks::{Secret, testing::SignedDelivery};
    /// # let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// # let delivery = SignedDelivery::new(&secret, "d-1", "{}").verified(&secret)?;
    /// let json = Envelope::of(&delivery).to_json();
    /// assert!(json.starts_with(r#"{"version":1,"id":"d-1","dedupe_key":"delivery_id","#));
    /// assert!(json.ends_with(r#""body":"{}"}"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let (text, base64) = match str::from_utf8(self.body()) {
            Ok(text) => (Some(text), None),
            Err(_) => (None, Some(STANDARD.encode(self.body()))),
        };
        let written = Written {
            version: Self::VERSION,
            id: self.id().as_str(),
            dedupe_key: name_of(self.dedupe_key()),
            delivery_id: self.delivery_id().as_str(),
            position: self.position(),
            scheme: self.scheme(),
            event_type: self.event_type(),
            event_header: self.event_header(),
            version_header: self.version_header(),
            is_readable: self.is_readable(),
            received_at_ms: self.received_at_millis(),
            signed_at: self.signed_at(),
            secret: self.secret_name(),
            tenant: self.tenant(),
            endpoint: self.endpoint(),
            traceparent: self.traceparent(),
            tracestate: self.tracestate(),
            signature: &self.head.signature,
            body: text,
            body_base64: base64,
        };
        // Strings and numbers can always be written.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// Reads an envelope that [`Envelope::to_json`] wrote. Unknown fields are ignored.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`].
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, EnvelopeError> {
        let mut fields = read(json.as_ref())?;
        let body = match (fields.body.take(), fields.body_base64.take()) {
            (Some(text), None) => Bytes::from(text),
            (None, Some(base64)) => decoded(&base64)?,
            (None, None) => required(None, "body")?,
            (Some(_), Some(_)) => {
                return Err(EnvelopeError::malformed("body_base64", "there together with `body`"));
            }
        };
        fields.check(body)
    }
}

/// Another version may have fields of other types.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Version {
    version: Option<u64>,
}

fn read(json: &[u8]) -> Result<Fields, EnvelopeError> {
    // The reader would take an array for the fields in their order.
    let begin = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json).trim_ascii_start();
    let json = if begin.starts_with(b"[") { b"\"an array\"" } else { json };
    let fields = read_json::<Fields>(json).map_err(|error| {
        let Version { version } = read_json(json).unwrap_or_default();
        let fields = Fields { version, ..Fields::default() };
        match fields.check_version() {
            Err(unknown @ EnvelopeError::UnknownVersion { .. }) => unknown,
            _ => EnvelopeError::NotJson(error),
        }
    })?;
    // Before the body: another version may have it elsewhere.
    fields.check_version()?;
    Ok(fields)
}

fn decoded(base64: &str) -> Result<Bytes, EnvelopeError> {
    let malformed = |_| EnvelopeError::malformed("body_base64", "not base64");
    STANDARD.decode(base64).map(Bytes::from).map_err(malformed)
}
