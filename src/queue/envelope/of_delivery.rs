//! Envelopes of deliveries and of the events in a batch.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::fields::LONGEST_TYPE;
use super::{Envelope, Head};
use crate::delivery::AnyDelivery;
use crate::event::{Event, MOST_EVENTS, RawValue, Shape, repair};
use crate::scheme::{DELIVERY_HEADER, IdSource};
use crate::{DedupeKey, Delivery, DeliveryId};

impl Envelope {
    /// The envelope of a whole delivery, also if it is a batch. It has no trace context and no
    /// signature: see [`Envelope::with_trace`] and [`Envelope::with_signature`].
    #[must_use]
    pub fn of(delivery: &Delivery) -> Self {
        Self::new(delivery, delivery.body().clone(), None)
    }

    /// The envelopes of a delivery: one for each event of a batch of Nevent's, otherwise one for the
    /// whole delivery. An empty batch has none.
    ///
    /// An event that cannot be read is kept as it came, under the delivery's id and its position. So is,
    /// as a whole, a body that is no event, and a batch of more than 1,000 events. None of these
    /// [`is_readable`](Envelope::is_readable).
    ///
    /// A batch of another sender stays one entry: only Nevent's events are known to have ids of their
    /// own.
    ///
    /// ```
    /// use nevent_webhooks::queue::Envelope;
    /// # use nevent_webhooks::{Secret, testing::SignedDelivery};
    /// # let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// let batch = r#"[{"id":"evt_1","type":"ping","created":1640995200},"odd"]"#;
    /// # let delivery = SignedDelivery::new(&secret, "d-1", batch).verified(&secret)?;
    /// let envelopes = Envelope::split(&delivery);
    /// let ids = envelopes.iter().map(|envelope| envelope.id().as_str());
    /// assert_eq!(ids.collect::<Vec<_>>(), ["evt_1", "d-1"]);
    /// assert_eq!((envelopes[1].position(), envelopes[1].is_readable()), (Some(1), false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn split(delivery: &Delivery) -> Vec<Self> {
        Self::parts(delivery).unwrap_or_else(|| vec![Self::of(delivery)])
    }

    /// The envelopes of the events of a batch. `None` if the delivery is one entry.
    pub(in crate::queue) fn parts(delivery: &Delivery) -> Option<Vec<Self>> {
        let events =
            if has_event_ids(delivery) { events_of(delivery.body())? } else { return None };
        // An event may have a field `events` of its own.
        if events.is_empty() && Event::<IgnoredAny>::from_json(delivery.body()).is_ok() {
            return None;
        }
        let part = |(position, event)| Self::new(delivery, event, Some(position));
        Some((0..).zip(events).map(part).collect())
    }

    fn new(delivery: &Delivery, body: Bytes, position: Option<u32>) -> Self {
        let event = Event::<IgnoredAny>::from_json(&body).ok();
        let verified = delivery.verified();
        let (id, dedupe_key) = match &event {
            Some(event) if has_event_ids(delivery) => {
                (DeliveryId::of_event(&event.id), DedupeKey::EventId)
            }
            _ => (delivery.id().clone(), DedupeKey::DeliveryId),
        };
        let head = Head {
            id,
            dedupe_key,
            delivery_id: delivery.id().clone(),
            position,
            scheme: delivery.scheme().to_owned(),
            event_header: delivery.event_header().map(str::to_owned),
            version_header: delivery.version_header().map(str::to_owned),
            is_readable: event.is_some() || !has_event_ids(delivery),
            event_type: event
                .map(|event| event.event_type)
                .filter(|event_type| event_type.len() <= LONGEST_TYPE),
            received_at: verified.received_at_millis(),
            signed_at: verified.timestamp(),
            secret: verified.secret_name().to_owned(),
            tenant: delivery.tenant().map(Into::into),
            endpoint: delivery.claim().map(|claim| claim.scope().of_endpoint().to_owned()),
            trace: None,
            signature: Vec::new(),
        };
        Self { head: Arc::new(head), body }
    }
}

/// Whether the events of this sender have ids of their own. Another sender's `id` may name what an event
/// is about, so two events could have the same.
fn has_event_ids(delivery: &Delivery) -> bool {
    delivery.accepted().id_source() == IdSource::Header(DELIVERY_HEADER)
}

/// The events of a batch, byte for byte. `None` if the body is no batch, or one with too many events.
fn events_of(body: &Bytes) -> Option<Vec<Bytes>> {
    if let Some(events) = Shape::of_plain_batch(body) {
        return slices(body, &events);
    }
    let repaired = repair(body).ok()?;
    // A parser that skips values does not look at most of what is repaired.
    let as_sent = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match Shape::of(as_sent) {
        Ok(Shape::Many(events)) => return slices(body, &events),
        Ok(Shape::One) => return None,
        Err(_) => {}
    }
    let repaired = Bytes::copy_from_slice(&repaired);
    match Shape::of(&repaired) {
        Ok(Shape::Many(events)) => slices(&repaired, &events),
        _ => None,
    }
}

fn slices(body: &Bytes, events: &[&RawValue]) -> Option<Vec<Bytes>> {
    let slice = |event: &&RawValue| body.slice_ref(event.get().as_bytes());
    (events.len() <= MOST_EVENTS).then(|| events.iter().map(slice).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(body: &str) -> Option<Vec<String>> {
        let events = events_of(&Bytes::copy_from_slice(body.as_bytes()))?;
        Some(events.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect())
    }

    /// Also those that no JSON parser reads before they are repaired.
    #[test]
    fn the_events_of_a_batch_are_as_they_were_sent() {
        for event in
            [r#"{"a":1.50}"#, r#"{"a":"\ud83c"}"#, r#"{"a":1e400}"#, "7", "null", r#""\u00e4""#]
        {
            for body in [
                format!("[{event} , {event}]"),
                format!(r#"{{"events":[{event},{event}]}}"#),
                format!("\u{feff} [{event},{event}]"),
            ] {
                assert_eq!(bytes_of(&body), Some(vec![event.to_owned(); 2]), "{body}");
            }
        }
        assert_eq!(bytes_of("[]"), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_batch_stays_whole() {
        let deep = format!("[{}{}]", "[".repeat(127), "]".repeat(127));
        let many = format!("[{}]", ["7"; MOST_EVENTS + 1].join(","));
        let event = r#"{"id":"evt_1","data":{},"events":[1]}"#;
        for body in ["", "7", "{}", "[1", "[1] 2", event, &deep, &many] {
            assert_eq!(bytes_of(body), None, "{}", &body[..body.len().min(20)]);
        }
        assert_eq!(
            bytes_of(&format!("[{}]", ["7"; MOST_EVENTS].join(","))).map(|all| all.len()),
            Some(1000)
        );
    }
}
