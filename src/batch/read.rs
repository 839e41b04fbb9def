use std::borrow::Cow;

use bytes::Bytes;

use super::Batch;
use crate::dedupe::Claimed;
use crate::event::{MOST_EVENTS, RawValue, Shape, repair};
use crate::{Delivery, Event, Rejection};

impl Batch {
    /// Reads the events from the verified bytes.
    pub(crate) fn read(delivery: &Delivery, claimed: &Claimed) -> Result<Self, Rejection> {
        let (events, lone_type) = match Shape::of_plain_batch(delivery.body()) {
            Some(events) => (slices(delivery.body(), &events)?, None),
            None => read_any(delivery)?,
        };
        let (delivery, claimed) = (delivery.clone(), claimed.clone());
        Ok(Self { delivery, claimed, events, lone_type })
    }

    /// The type of the event, if the body is a single event.
    pub(crate) fn type_of_lone_event(&self) -> Option<&str> {
        self.lone_type.as_deref()
    }
}

/// Reads the events, and the type of a single event.
fn read_any(delivery: &Delivery) -> Result<(Vec<Bytes>, Option<String>), Rejection> {
    let body = match repair(delivery.body())? {
        Cow::Borrowed(json) => delivery.body().slice_ref(json),
        Cow::Owned(json) => Bytes::from(json),
    };
    match Shape::of(&body)? {
        Shape::Many(events) => Ok((slices(&body, &events)?, None)),
        Shape::One => {
            let event: Event = Event::from_repaired(&body)?;
            Ok((vec![body], Some(event.event_type)))
        }
    }
}

fn slices(body: &Bytes, events: &[&RawValue]) -> Result<Vec<Bytes>, Rejection> {
    if events.len() > MOST_EVENTS {
        return Err(Rejection::TooManyEvents { events: events.len(), limit: MOST_EVENTS });
    }
    Ok(events.iter().map(|event| body.slice_ref(event.get().as_bytes())).collect())
}
