use std::borrow::Cow;

use bytes::Bytes;

use super::Batch;
use crate::dedupe::Claimed;
use crate::event::{EventError, Shape, readable};
use crate::{Delivery, Event};

/// Ten times what Nevent groups at most, so that a body of a million crumbs does not
/// become a million tasks.
const MOST_EVENTS: usize = 1000;

impl Batch {
    /// Reads one event or several from the verified bytes.
    pub(crate) fn read(delivery: &Delivery, claimed: &Claimed) -> Result<Self, EventError> {
        let body = match readable(delivery.body())? {
            Cow::Borrowed(json) => delivery.body().slice_ref(json),
            Cow::Owned(json) => Bytes::from(json),
        };
        let (events, lone_type) = match Shape::of(&body)? {
            Shape::Many(events) => {
                check_length(events.len())?;
                let events = events.iter().map(|event| body.slice_ref(event.get().as_bytes()));
                (events.collect(), None)
            }
            Shape::One => {
                let event: Event = delivery.event()?;
                (vec![body], Some(event.event_type))
            }
        };
        let (delivery, claimed) = (delivery.clone(), claimed.clone());
        Ok(Self { delivery, claimed, events, lone_type })
    }

    /// The type of an event that came alone.
    pub(crate) fn type_of_lone_event(&self) -> Option<&str> {
        self.lone_type.as_deref()
    }
}

fn check_length(events: usize) -> Result<(), EventError> {
    if events > MOST_EVENTS {
        let reason = format_args!("a batch of {events} events, more than {MOST_EVENTS}");
        return Err(EventError::new(reason));
    }
    Ok(())
}
