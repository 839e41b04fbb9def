//! A message that was received, and what is to be sent in its place.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName as System};
use nevent_webhooks::queue::Envelope;

use super::api::{LONGEST_DELAY, Outgoing, state_attribute};
use super::message::group_of;
use super::options::Group;
use super::state::{STATE, State};
use crate::content::Content;

/// SQS takes no more attributes.
const MOST_ATTRIBUTES: usize = 10;

#[derive(Debug)]
pub(super) struct Taken {
    /// The id that SQS gave the message.
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) body: String,
    pub(super) state: State,
    /// Of a message in a FIFO queue.
    pub(super) in_group: Option<String>,
    is_fifo: bool,
    attributes: HashMap<String, MessageAttributeValue>,
    /// How often it was received, this time included.
    receptions: u32,
    /// In Unix milliseconds, by the clock of SQS.
    sent_at: u64,
    held_until: Mutex<Instant>,
}

impl Taken {
    pub(super) fn new(message: Message, is_fifo: bool, visibility: Duration) -> Self {
        let system = |name| message.attributes.as_ref()?.get(&name).map(String::as_str);
        let receptions = system(System::ApproximateReceiveCount).and_then(|n| n.parse().ok());
        let sent_at = system(System::SentTimestamp).and_then(|at| at.parse().ok());
        let in_group = system(System::MessageGroupId).filter(|_| is_fifo).map(str::to_owned);
        let (receptions, sent_at) = (receptions.unwrap_or(1), sent_at.unwrap_or_default());
        let mut attributes = message.message_attributes.unwrap_or_default();
        let state = attributes.remove(STATE);
        let state = state.as_ref().and_then(MessageAttributeValue::string_value);
        Self {
            id: message.message_id.unwrap_or_default(),
            handle: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            state: state.map(State::read).unwrap_or_default(),
            in_group,
            is_fifo,
            attributes,
            receptions,
            sent_at,
            held_until: Mutex::new(Instant::now() + visibility),
        }
    }

    /// What it is for a worker, if SQS makes a dead letter of it after so many receptions. The worker does so
    /// one reception earlier, because it adds the reason and makes a message of it that SQS keeps for the
    /// whole retention again.
    pub(super) fn content(&self, receptions: u32) -> Content {
        let content = Content::of(Envelope::from_json(&self.body));
        // Whatever the number is, the entry is given to a handler once.
        let vanished = self.vanished();
        if vanished > 0 && vanished + 1 >= receptions { content.killer() } else { content }
    }

    /// What the entry has behind it. A dead letter that was moved into the queue by another tool has its
    /// attempts again.
    fn past(&self) -> State {
        if self.state.reason.is_some() { State::default() } else { self.state.clone() }
    }

    pub(super) fn attempts(&self) -> u32 {
        self.past().attempts
    }

    /// How often a worker has received the entry and has not settled it.
    pub(super) fn vanished(&self) -> u32 {
        // A FIFO queue delivers a message that has to wait once before its time.
        let expected = 1 + u32::from(self.is_fifo && self.state.delay > 0);
        self.past().vanished.saturating_add(self.receptions.saturating_sub(expected))
    }

    /// How long the entry has yet to wait.
    pub(super) fn not_yet(&self) -> Option<Duration> {
        // A worker has hidden it until its time. If the clock of this machine is slow, it would be hidden
        // again each time, and each reception would count as a worker that has vanished.
        if self.is_fifo && self.receptions > 1 {
            return None;
        }
        let delay = self.state.delay();
        let delayed = if self.is_fifo { Duration::ZERO } else { LONGEST_DELAY };
        let due = Duration::from_millis(self.sent_at) + delayed + delay;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // If the clock of this machine is slow, copies would wait for ever.
        due.checked_sub(now).map(|rest| rest.min(delay)).filter(|rest| !rest.is_zero())
    }

    /// Whether no other worker can have it yet.
    pub(super) fn is_held(&self) -> bool {
        Instant::now() < *self.held_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The message is invisible for this time from this time on.
    pub(super) fn held(&self, from: Instant, visibility: Duration) {
        *self.held_until.lock().unwrap_or_else(PoisonError::into_inner) = from + visibility;
    }

    /// The copy that comes after this delay.
    pub(super) fn again(
        &self,
        attempts: u32,
        delay: Duration,
        group: Option<&Group>,
    ) -> Outgoing<'_> {
        let by_sqs = if self.is_fifo { Duration::ZERO } else { delay.min(LONGEST_DELAY) };
        let state = State {
            attempts,
            vanished: self.vanished(),
            delay: u64::try_from(delay.saturating_sub(by_sqs).as_millis()).unwrap_or(u64::MAX),
            reason: None,
            replay: self.state.replay.clone(),
        };
        let fifo = self.is_fifo.then(|| (self.group(group), self.id.clone()));
        self.outgoing(&state, by_sqs, fifo)
    }

    /// The dead letter. In a FIFO queue each is a group of its own: listing one would otherwise hide the
    /// others.
    pub(super) fn dead(&self, reason: &str, attempts: u32) -> Outgoing<'_> {
        let state = State {
            attempts,
            vanished: self.vanished(),
            delay: 0,
            reason: Some(reason.to_owned()),
            replay: self.state.replay.clone(),
        };
        let fifo = self.is_fifo.then(|| (self.id.clone(), self.id.clone()));
        self.outgoing(&state, Duration::ZERO, fifo)
    }

    /// The entry with all its attempts again.
    pub(super) fn replayed(&self, replay: &str, group: Option<&Group>) -> Outgoing<'_> {
        let state = State { replay: Some(replay.to_owned()), ..State::default() };
        let fifo = self.is_fifo.then(|| (self.group(group), self.id.clone()));
        self.outgoing(&state, Duration::ZERO, fifo)
    }

    fn group(&self, group: Option<&Group>) -> String {
        let envelope = Envelope::from_json(&self.body);
        envelope.map_or_else(|_| self.id.clone(), |envelope| group_of(&envelope, group))
    }

    fn outgoing(
        &self,
        state: &State,
        delay: Duration,
        fifo: Option<(String, String)>,
    ) -> Outgoing<'_> {
        // The queue's own messages have no other attribute. Another program's may have ten.
        let others = self.attributes.iter().take(MOST_ATTRIBUTES - 1);
        let mut attributes: HashMap<_, _> =
            others.map(|(name, value)| (name.clone(), value.clone())).collect();
        attributes.extend([state_attribute(state)]);
        Outgoing { body: &self.body, attributes, delay, fifo }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(receptions: u32, state: &str) -> Taken {
        taken_from(false, receptions, state)
    }

    fn taken_from(is_fifo: bool, receptions: u32, state: &str) -> Taken {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a date").as_millis();
        let value = MessageAttributeValue::builder().data_type("String").string_value(state);
        let message = Message::builder()
            .body("?")
            .attributes(System::ApproximateReceiveCount, receptions.to_string())
            .attributes(System::SentTimestamp, now.to_string())
            .message_attributes(STATE, value.build().expect("an attribute"));
        Taken::new(message.build(), is_fifo, Duration::from_secs(1))
    }

    #[test]
    fn receptions_count_unless_they_are_expected() {
        for (receptions, state, vanished) in [
            (1, "", 0),
            (3, "", 2),
            (1, "vanished=4", 4),
            (2, "vanished=4 delay=1000", 5),
            // Moved back by another tool.
            (1, "vanished=49 attempts=14 reason=failed", 0),
        ] {
            assert_eq!(taken(receptions, state).vanished(), vanished, "{receptions} {state}");
        }
        assert_eq!(taken_from(true, 2, "vanished=4 delay=1000").vanished(), 4);
        assert_eq!(taken_from(true, 3, "vanished=4 delay=1000").vanished(), 5);
        assert_eq!(taken(1, "attempts=14 reason=failed").attempts(), 0);
        assert_eq!(taken(1, "attempts=13").attempts(), 13);
    }

    #[test]
    fn the_worker_parks_an_entry_before_sqs_does() {
        let is_killer = |receptions| {
            matches!(taken(receptions, "").content(10), Content::Dead("worker_vanished", _))
        };
        assert!(!is_killer(9));
        assert!(is_killer(10));
        assert!(matches!(taken(1, "").content(1), Content::Dead("unreadable", _)));
    }

    #[test]
    fn delays_that_sqs_does_not_have_are_in_the_state() {
        let (entry, fifo) = (taken(1, ""), taken_from(true, 1, ""));
        let delay = |outgoing: Outgoing<'_>| {
            let state = outgoing.attributes[STATE].string_value().map(State::read);
            (outgoing.delay.as_secs(), state.expect("a state").delay / 1000)
        };
        let secs = Duration::from_secs;
        assert_eq!(delay(entry.again(1, secs(900), None)), (900, 0));
        assert_eq!(delay(entry.again(1, secs(7_200), None)), (900, 6_300));
        assert_eq!(delay(fifo.again(1, secs(10), None)), (0, 10));
    }

    /// Whatever the policy says, no copy is held by a worker while it waits.
    #[test]
    fn copies_wait_for_a_day_in_steps_that_sqs_has() {
        let day = Duration::from_secs(24 * 60 * 60);
        let (mut entry, mut waited) = (taken(1, ""), Duration::ZERO);
        let mut next = Some(day);
        while let Some(rest) = next {
            let copy = entry.again(3, rest, None);
            assert!(copy.delay <= LONGEST_DELAY);
            waited += copy.delay;
            let state = copy.attributes[STATE].string_value().expect("a state").to_owned();
            entry = taken(1, &state);
            next = entry.not_yet();
        }
        assert_eq!((waited, entry.attempts(), entry.vanished()), (day, 3, 0));
        // It was sent a day ago: nobody took it at its time.
        let mut late = taken(1, "delay=60000");
        late.sent_at -= u64::try_from(day.as_millis()).expect("a day");
        assert_eq!(late.not_yet(), None);
    }

    #[test]
    fn a_slow_clock_makes_no_vanished_workers() {
        let mut entry = taken_from(true, 2, "delay=10000");
        entry.sent_at += 1_000;
        assert_eq!((entry.not_yet(), entry.vanished()), (None, 0));
        let mut first = taken_from(true, 1, "delay=10000");
        first.sent_at += 1_000;
        assert_eq!(first.not_yet(), Some(Duration::from_secs(10)));
    }

    #[test]
    fn the_attributes_of_another_program_stay_as_far_as_there_is_room() {
        let mut entry = taken(1, "");
        let value = MessageAttributeValue::builder().data_type("String").string_value("x");
        let value = value.build().expect("an attribute");
        entry.attributes = (0..10).map(|n| (n.to_string(), value.clone())).collect();
        assert_eq!(entry.dead("unreadable", 0).attributes.len(), 10);
    }
}
