//! Messages in the dead-letter queue.

use nevent_webhooks::queue::Envelope;

use super::taken::Taken;
use crate::DeadLetter;
use crate::content::{Content, WORKER_VANISHED};

pub(super) fn letter_of(taken: &Taken) -> DeadLetter {
    let content = Envelope::from_json(&taken.body);
    let reason = taken.state.reason.clone();
    let reason = reason.unwrap_or_else(|| moved_by_sqs(&taken.body).to_owned());
    let id = content.as_ref().map_or(&*taken.id, |envelope| envelope.id().as_str()).to_owned();
    let content = content.map_err(|_| taken.body.clone().into_bytes());
    DeadLetter { id, reason, attempts: taken.state.attempts, content }
}

/// SQS gives no reason: a message that it moves was received too often. That is so, too, for one that is not
/// for a handler, but is too large for the worker to move it.
fn moved_by_sqs(body: &str) -> &'static str {
    match Content::of(Envelope::from_json(body)) {
        Content::Dead(reason, _) => reason,
        Content::Event(_) | Content::Newer => WORKER_VANISHED,
    }
}
