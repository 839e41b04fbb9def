use std::collections::HashMap;

use nevent_webhooks::queue::{Envelope, EnvelopeError};

pub(super) const ENVELOPE: &str = "envelope";
pub(super) const ATTEMPTS: &str = "attempts";

/// An entry as the server sends it: its id and its fields. All are bytes: a name that is no UTF-8 would
/// otherwise make the whole answer unreadable, with every other entry in it.
pub(super) type Raw = (String, HashMap<Vec<u8>, Vec<u8>>);

/// An entry that this worker has taken.
pub(super) struct Entry {
    pub(super) id: String,
    /// Attempts that have failed.
    pub(super) attempts: u32,
    pub(super) content: Content,
}

pub(super) enum Content {
    Event(Envelope),
    /// An envelope of a later version, which only a newer worker can read.
    Newer,
    /// Not for a handler, and why.
    Parked(&'static str, Option<Envelope>),
}

impl Entry {
    pub(super) fn read((id, fields): Raw) -> Self {
        let attempts = fields.get(ATTEMPTS.as_bytes()).map(|text| String::from_utf8_lossy(text));
        let attempts = attempts.and_then(|text| text.parse().ok()).unwrap_or_default();
        let envelope = fields.get(ENVELOPE.as_bytes()).map(Envelope::from_json);
        let content = match envelope {
            Some(Ok(envelope)) if envelope.is_readable() => Content::Event(envelope),
            Some(Ok(envelope)) => Content::Parked("not_an_event", Some(envelope)),
            Some(Err(EnvelopeError::UnknownVersion { .. })) => Content::Newer,
            Some(Err(_)) | None => Content::Parked("unreadable", None),
        };
        Self { id, attempts, content }
    }

    pub(super) fn envelope(&self) -> Option<&Envelope> {
        match &self.content {
            Content::Event(envelope) => Some(envelope),
            Content::Newer => None,
            Content::Parked(_, envelope) => envelope.as_ref(),
        }
    }
}
