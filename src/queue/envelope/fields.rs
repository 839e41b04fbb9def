//! The fields of an envelope as they are written, and the checks of those that are read.

use std::sync::Arc;

use bytes::Bytes;

use super::trace::Trace;
use super::{Envelope, EnvelopeError, Head};
use crate::delivery::scope_flaw;
use crate::{DedupeKey, DeliveryId};

/// The longest type of an event that an envelope names.
pub(super) const LONGEST_TYPE: usize = 256;

/// The fields but the body, which both encodings read into and check in the same way.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    pub(super) version: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) dedupe_key: Option<String>,
    pub(super) delivery_id: Option<String>,
    pub(super) position: Option<u32>,
    pub(super) scheme: Option<String>,
    pub(super) event_type: Option<String>,
    pub(super) event_header: Option<String>,
    pub(super) version_header: Option<String>,
    pub(super) is_readable: Option<bool>,
    pub(super) received_at_ms: Option<i64>,
    pub(super) signed_at: Option<i64>,
    pub(super) secret: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) traceparent: Option<String>,
    pub(super) tracestate: Option<String>,
    pub(super) signature: Option<Vec<(String, String)>>,
    /// In JSON alone.
    pub(super) body: Option<String>,
    pub(super) body_base64: Option<String>,
}

impl Fields {
    pub(super) fn check_version(&self) -> Result<(), EnvelopeError> {
        match required(self.version, "version")? {
            Envelope::VERSION => Ok(()),
            found => Err(EnvelopeError::UnknownVersion { found }),
        }
    }

    /// The envelope with these fields.
    pub(super) fn check(self, body: Bytes) -> Result<Envelope, EnvelopeError> {
        self.check_version()?;
        let head = Head {
            id: id(self.id, "id")?,
            dedupe_key: dedupe_key(&required(self.dedupe_key, "dedupe_key")?)?,
            delivery_id: id(self.delivery_id, "delivery_id")?,
            position: self.position,
            scheme: required(self.scheme, "scheme")?,
            event_type: self.event_type.map(event_type).transpose()?,
            event_header: self.event_header,
            version_header: self.version_header,
            is_readable: required(self.is_readable, "is_readable")?,
            received_at: required(self.received_at_ms, "received_at_ms")?,
            signed_at: self.signed_at,
            secret: required(self.secret, "secret")?,
            tenant: self.tenant.map(tenant).transpose()?,
            endpoint: self.endpoint,
            trace: trace(self.traceparent.as_deref(), self.tracestate.as_deref()),
            signature: self.signature.unwrap_or_default(),
        };
        Ok(Envelope { head: Arc::new(head), body })
    }
}

pub(super) fn required<T>(value: Option<T>, field: &'static str) -> Result<T, EnvelopeError> {
    value.ok_or(EnvelopeError::MissingField { field })
}

fn id(text: Option<String>, field: &'static str) -> Result<DeliveryId, EnvelopeError> {
    let malformed = |_| EnvelopeError::malformed(field, "not 1 to 128 printable ASCII characters");
    DeliveryId::new(required(text, field)?).map_err(malformed)
}

fn event_type(text: String) -> Result<String, EnvelopeError> {
    if text.len() > LONGEST_TYPE {
        return Err(EnvelopeError::malformed("event_type", "longer than 256 bytes"));
    }
    Ok(text)
}

/// A tenant's name becomes part of a scope.
fn tenant(name: String) -> Result<Arc<str>, EnvelopeError> {
    match scope_flaw(&name) {
        None => Ok(name.into()),
        Some(reason) => Err(EnvelopeError::malformed("tenant", reason)),
    }
}

/// One that is not well-formed is left out: it matters less than the entry.
pub(super) fn trace(parent: Option<&str>, state: Option<&str>) -> Option<Trace> {
    let trace = Trace::new(parent?)?;
    let with_state = state.and_then(|state| trace.clone().with_state(state));
    Some(with_state.unwrap_or(trace))
}

const EVENT_ID: &str = "event_id";
const DELIVERY_ID: &str = "delivery_id";

pub(super) fn name_of(key: DedupeKey) -> &'static str {
    match key {
        DedupeKey::EventId => EVENT_ID,
        DedupeKey::DeliveryId => DELIVERY_ID,
    }
}

fn dedupe_key(name: &str) -> Result<DedupeKey, EnvelopeError> {
    match name {
        EVENT_ID => Ok(DedupeKey::EventId),
        DELIVERY_ID => Ok(DedupeKey::DeliveryId),
        _ => Err(EnvelopeError::malformed("dedupe_key", "neither event_id nor delivery_id")),
    }
}
