use nevent_webhooks::queue::{Envelope, EnvelopeError};

/// What a worker finds in an entry.
#[derive(Debug)]
pub(crate) enum Content {
    Event(Envelope),
    /// An envelope of a later version, which only a newer worker can read.
    Newer,
    /// Not for a handler, and why.
    Dead(&'static str, Option<Envelope>),
}

pub(crate) const NOT_AN_EVENT: &str = "not_an_event";
pub(crate) const UNREADABLE: &str = "unreadable";
/// Its workers have vanished too often.
pub(crate) const WORKER_VANISHED: &str = "worker_vanished";

impl Content {
    pub(crate) fn of(envelope: Result<Envelope, EnvelopeError>) -> Self {
        match envelope {
            Ok(envelope) if envelope.is_readable() => Self::Event(envelope),
            Ok(envelope) => Self::Dead(NOT_AN_EVENT, Some(envelope)),
            Err(EnvelopeError::UnknownVersion { .. }) => Self::Newer,
            Err(_) => Self::Dead(UNREADABLE, None),
        }
    }

    /// The same entry, whose workers have vanished too often.
    pub(crate) fn killer(self) -> Self {
        let (Self::Event(envelope) | Self::Dead(_, Some(envelope))) = self else {
            return Self::Dead(WORKER_VANISHED, None);
        };
        Self::Dead(WORKER_VANISHED, Some(envelope))
    }

    pub(crate) fn envelope(&self) -> Option<&Envelope> {
        match self {
            Self::Event(envelope) => Some(envelope),
            Self::Newer => None,
            Self::Dead(_, envelope) => envelope.as_ref(),
        }
    }
}
