use std::borrow::Cow;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::Event;
use super::peek::Shape;
use super::repair::repair;
use crate::batch::Batch;
use crate::{Delivery, Rejection};

/// What the extractors of the frameworks do, for whoever has none.
impl Delivery {
    /// Reads the event from the verified bytes. (Give the type: `let event: Event = …`.)
    /// If it cannot be read, the delivery still has the bytes, to be kept for a person to look at.
    ///
    /// # Errors
    ///
    /// [`Rejection::MalformedEvent`] for what is no event, or not with such `data`.
    pub fn event<T>(&self) -> Result<Event<T>, Rejection>
    where
        Event<T>: DeserializeOwned,
    {
        let event = Event::from_json(self.body())?;
        self.event_types().compare(self, &event.event_type)?;
        Ok(event)
    }

    /// Reads one event or several from the verified bytes.
    ///
    /// # Errors
    ///
    /// [`Rejection::MalformedEvent`] for what is neither an event nor a batch, and for
    /// a batch of more than 1,000. [`Rejection::MissingDedupeLayer`] if the delivery
    /// did not come through one.
    pub fn batch(&self) -> Result<Batch, Rejection> {
        let held = self.held().ok_or(Rejection::MissingDedupeLayer)?;
        let body = match repair(self.body())? {
            Cow::Borrowed(json) => self.body().slice_ref(json),
            Cow::Owned(json) => Bytes::from(json),
        };
        let events = match Shape::of(&body)? {
            Shape::Many(events) => {
                Batch::check_length(events.len())?;
                events.iter().map(|event| body.slice_ref(event.get().as_bytes())).collect()
            }
            Shape::One => {
                let _: Event = self.event()?;
                vec![body]
            }
        };
        Ok(Batch::new(self.clone(), held.clone(), events))
    }
}
