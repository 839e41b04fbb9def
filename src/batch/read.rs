use std::borrow::Cow;

use bytes::Bytes;

use super::Batch;
use crate::dedupe::Claimed;
use crate::event::{Shape, repair};
use crate::{Delivery, Event, Rejection};

/// The most events in a batch: ten times what Nevent sends. Without a limit, a body of a million tiny
/// events would become a million futures.
const MOST_EVENTS: usize = 1000;

impl Batch {
    /// Reads the events from the verified bytes.
    pub(crate) fn read(delivery: &Delivery, claimed: &Claimed) -> Result<Self, Rejection> {
        let body = match repair(delivery.body())? {
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

    /// The type of the event, if the body is a single event.
    pub(crate) fn type_of_lone_event(&self) -> Option<&str> {
        self.lone_type.as_deref()
    }
}

fn check_length(events: usize) -> Result<(), Rejection> {
    if events > MOST_EVENTS {
        return Err(Rejection::TooManyEvents { events, limit: MOST_EVENTS });
    }
    Ok(())
}
