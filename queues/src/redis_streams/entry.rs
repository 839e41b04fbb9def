use std::collections::HashMap;

use nevent_webhooks::queue::Envelope;

use crate::content::{Content, UNREADABLE};

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
    /// Those of them that its fields say. The others are deliveries that the server has counted.
    pub(super) stored_attempts: u32,
    /// Deliveries that ended with a worker that has vanished, since the entry was put or put again.
    pub(super) crashes: u32,
    pub(super) content: Content,
}

impl Entry {
    pub(super) fn read((id, fields): Raw) -> Self {
        let attempts = fields.get(ATTEMPTS.as_bytes()).map(|text| String::from_utf8_lossy(text));
        let attempts: u32 = attempts.and_then(|text| text.parse().ok()).unwrap_or_default();
        let envelope = fields.get(ENVELOPE.as_bytes()).map(Envelope::from_json);
        let content = envelope.map_or(Content::Dead(UNREADABLE, None), Content::of);
        Self { id, attempts, stored_attempts: attempts, crashes: 0, content }
    }
}
