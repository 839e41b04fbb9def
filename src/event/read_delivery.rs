use serde::de::DeserializeOwned;

use super::{Event, EventError};
use crate::Delivery;
use crate::delivery::AnyDelivery;

impl Delivery {
    /// Reads the event from the verified bytes. (Give the type: `let event: Event = …`.)
    ///
    /// The extractors of axum and actix-web, and `Event::from_extensions`, do the same, and
    /// compare the event's type with the `X-Nevent-Event` header.
    ///
    /// # Errors
    ///
    /// The body is not an event, or its `data` is of another shape. The delivery still has
    /// the bytes.
    pub fn event<T>(&self) -> Result<Event<T>, EventError>
    where
        Event<T>: DeserializeOwned,
    {
        let event = Event::from_json(self.body())?;
        self.accepted().record_event_age(event.created.as_second(), self.verified().body_end());
        Ok(event)
    }
}
