//! Messages in the queue of dead letters.

use lapin::message::Delivery;
use nevent_webhooks::queue::Envelope;

use super::RabbitMqOptions;
use super::message::{attempts_of, envelope_of, last_death_of, vanished_of};
use crate::DeadLetter;
use crate::content::{NOT_AN_EVENT, UNREADABLE, WORKER_VANISHED};

/// The broker moves a message as it was. So the reason is what can be told from the message, and the
/// handler's last failure is `failed`, however it ended.
pub(super) fn letter_of(message: &Delivery, options: &RabbitMqOptions) -> DeadLetter {
    let properties = &message.properties;
    let content = envelope_of(properties, &message.data).map_err(|_| message.data.clone());
    let reason = if vanished_of(properties) > options.delivery_limit {
        WORKER_VANISHED
    } else {
        reason(content.as_ref().ok(), last_death_of(properties).as_deref())
    };
    let message_id = || properties.message_id().as_ref().map(ToString::to_string);
    let id = match &content {
        Ok(envelope) => envelope.id().as_str().to_owned(),
        Err(_) => message_id().unwrap_or_default(),
    };
    // The last attempt is not in the message.
    let attempts = attempts_of(properties).saturating_add(u32::from(reason == FAILED));
    DeadLetter { id, reason: reason.to_owned(), attempts, content }
}

const FAILED: &str = "failed";
const BROKER: &str = "broker";

fn reason(envelope: Option<&Envelope>, death: Option<&str>) -> &'static str {
    match (death, envelope) {
        (Some("delivery_limit"), _) => WORKER_VANISHED,
        (Some("rejected"), None) => UNREADABLE,
        (Some("rejected"), Some(envelope)) if envelope.is_readable() => FAILED,
        (Some("rejected"), Some(_)) => NOT_AN_EVENT,
        _ => BROKER,
    }
}
