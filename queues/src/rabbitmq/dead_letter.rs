use lapin::message::Delivery;
use nevent_webhooks::queue::Envelope;

use super::RabbitMqOptions;
use super::message::{attempts_of, envelope_of, last_death_of, vanished_of};

/// A dead letter, as it was when it was listed.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    id: String,
    envelope: Option<Envelope>,
    attempts: u32,
    reason: DeadLetterReason,
}

/// Why an entry is a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// Its handler failed at the last attempt.
    Failed,
    /// Its worker vanished too often. See
    /// [`RabbitMqOptions::delivery_limit`].
    WorkerVanished,
    /// It is no event, or one that cannot be read. See
    /// [`Envelope::is_readable`].
    NoEvent,
    /// The message is no envelope.
    Unreadable,
    /// The broker moved it for another reason, such as a policy with a TTL.
    Broker,
}

impl DeadLetter {
    pub(super) fn of(message: &Delivery, options: &RabbitMqOptions) -> Self {
        let properties = &message.properties;
        let envelope = envelope_of(properties, &message.data).ok();
        let message_id = properties.message_id().as_ref().map(ToString::to_string);
        let id = envelope.as_ref().map(|envelope| envelope.id().as_str().to_owned());
        let reason = if vanished_of(properties) > options.delivery_limit {
            DeadLetterReason::WorkerVanished
        } else {
            reason(envelope.as_ref(), last_death_of(properties).as_deref())
        };
        // The last attempt is not in the message: the broker moves it as it was.
        let last = u32::from(reason == DeadLetterReason::Failed);
        let attempts = attempts_of(properties).saturating_add(last);
        Self { id: id.or(message_id).unwrap_or_default(), envelope, attempts, reason }
    }

    /// [`Envelope::id`]; for a message that is no envelope, its `message_id`, which may be empty.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The event's type, if the message is an envelope of an event.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.envelope.as_ref()?.event_type()
    }

    /// The entry, if the message can be read as one.
    #[must_use]
    pub fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// How often its handler has failed.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why it is a dead letter.
    #[must_use]
    pub fn reason(&self) -> DeadLetterReason {
        self.reason
    }
}

fn reason(envelope: Option<&Envelope>, death: Option<&str>) -> DeadLetterReason {
    match (death, envelope) {
        (Some("delivery_limit"), _) => DeadLetterReason::WorkerVanished,
        (Some("rejected"), None) => DeadLetterReason::Unreadable,
        (Some("rejected"), Some(envelope)) if envelope.is_readable() => DeadLetterReason::Failed,
        (Some("rejected"), Some(_)) => DeadLetterReason::NoEvent,
        _ => DeadLetterReason::Broker,
    }
}
