mod read;

use std::borrow::Borrow;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{EventData, EventError, Fields, RawData};

/// A Nevent event: the envelope, and `data` as it came, typed, or as a type of yours.
///
/// | ask for | and `data` is |
/// | --- | --- |
/// | `Event` | raw JSON, not looked into: match on `event_type`, then read it with [`Event::typed`] or [`Event::data_as`] |
/// | `Event<EventData>` | read by the event's type: `match event.data` |
/// | `Event<MyData>` | your own type of the whole of `data` (`struct MyData { purchase: … }`), for a route that receives one type of event |
///
/// In axum and actix-web it is an extractor, which reads the verified bytes of the request
/// and answers 400 `Malformed event` when they are no event, or when `data` is not
/// of the type asked for. Fields not named here are kept in `extra`; one named twice is
/// refused, and so is what is nested more than 127 deep. To take an event that cannot be
/// read all the same, ask for `Result<Event<…>, Rejection>` and a
/// [`Delivery`](crate::Delivery), as `examples/park.rs` does.
///
/// # Writing
///
/// An event is written as it was sent, to be put into a queue, say. Of `Event<EventData>`,
/// the fields beside the object in `data` are not written, nor are documented fields that are
/// `null`, and lists and `custom_fields` that are empty; times are written in UTC.
///
/// JSON keeps all digits of amounts. So do binary formats such as `MessagePack` and CBOR, where
/// an amount is a string, but other numbers in raw `data` are 64-bit integers or floats there.
/// A type of yours that contains an event may be `#[serde(tag = "…")]`, `untagged` or
/// `flatten`: what it writes in JSON can be read, and the amounts of `Event<EventData>` are
/// then read by way of the nearest float (15 digits are exact, and `85.00` becomes `85.0`).
/// Give such a tag another name than the event's fields have: serde writes `type` twice
/// without a word.
///
/// ```
/// use nevent_webhooks::Event;
/// use nevent_webhooks::event::EventData;
/// use serde::Deserialize;
///
/// let body = br#"{"id":"evt_1","type":"fan.created","created":1640995201,
///     "data":{"fan":{"id":"fan_1","email":"maria@example.com","vip":true}},
///     "organization_id":"org_1"}"#;
///
/// // `data` stays JSON until it is asked for …
/// let event: Event = Event::from_json(body)?;
/// assert_eq!(event.event_type, "fan.created");
/// assert_eq!(event.created.to_string(), "2022-01-01T00:00:01Z");
/// assert!(event.data.get().starts_with(r#"{"fan":{"id":"fan_1""#));
///
/// // … or is read by the event's type …
/// let event: Event<EventData> = Event::from_json(body)?;
/// let EventData::FanCreated(fan) = event.data else { panic!("another type") };
/// assert_eq!(fan.email.as_deref(), Some("maria@example.com"));
/// assert_eq!(fan.extra.get("vip"), Some(&true.into()));
///
/// // … or into a type of your own.
/// #[derive(Deserialize)]
/// struct MyData { fan: MyFan }
/// #[derive(Deserialize)]
/// struct MyFan { vip: bool }
///
/// let event: Event<MyData> = Event::from_json(body)?;
/// assert!(event.data.fan.vip);
/// # Ok::<(), nevent_webhooks::EventError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Event<T = RawData> {
    /// The event's id, `evt_…`.
    pub id: String,
    /// The event's type, `purchase.completed` for one. New ones will come.
    pub event_type: String,
    /// When the event came about; sent in Unix seconds.
    pub created: Timestamp,
    /// The organisation it belongs to, `org_…`. A test event may have none.
    pub organization_id: Option<String>,
    /// What happened, under the object's own name (`data.purchase`). If there is none, as in
    /// a test event, raw data is `null`.
    pub data: T,
    /// Undocumented fields, and an `organization_id` that could not be read.
    pub extra: Fields,
}

impl<T> Event<T> {
    /// Reads an event from a body. (Give the type, `let event: Event = …`: a
    /// default type is not inferred in an expression.)
    ///
    /// A byte order mark before the JSON is skipped, and half of a surrogate pair is read as
    /// U+FFFD: see [`RawData`].
    ///
    /// # Errors
    ///
    /// A body that is not JSON, or not an event with such `data`.
    pub fn from_json(body: &[u8]) -> Result<Self, EventError>
    where
        Self: DeserializeOwned,
    {
        EventError::of_reading(body)
    }
}

impl<T: Borrow<RawValue>> Event<T> {
    /// Reads `data` by the event's type. What is not documented stays within reach in
    /// the `extra` of each object, and all of it in `data`.
    ///
    /// ```
    /// use nevent_webhooks::{Event, Rejection};
    /// use nevent_webhooks::event::EventData;
    ///
    /// async fn handle(event: Event) -> Result<(), Rejection> {
    ///     match event.typed()? {
    ///         EventData::PurchaseRefunded(purchase) => println!("refund {}", purchase.id),
    ///         EventData::Unknown { event_type, data } => println!("new: {event_type} {data}"),
    ///         _ => {} // Done as well: 2xx, or Nevent sends it again.
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `data` of another shape than the type has.
    pub fn typed(&self) -> Result<EventData, EventError> {
        EventData::read(&self.event_type, self.data.borrow())
    }

    /// Reads `data` into a type of yours, once the event's type says which.
    ///
    /// ```
    /// use nevent_webhooks::{Event, Rejection};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Refund { purchase: Purchase }
    /// #[derive(Deserialize)]
    /// struct Purchase { id: String }
    ///
    /// async fn handle(event: Event) -> Result<(), Rejection> {
    ///     if event.event_type == "purchase.refunded" {
    ///         let refund: Refund = event.data_as()?;
    ///         println!("refund {}", refund.purchase.id);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `data` of another shape.
    pub fn data_as<D: DeserializeOwned>(&self) -> Result<D, EventError> {
        let data = self.data.borrow().get().as_bytes();
        EventError::of_reading(data).map_err(|error| error.within("data"))
    }
}

impl Event<EventData> {
    /// The documented fields that could not be read, those of the envelope included: see
    /// [`EventData::unread_fields`].
    #[must_use]
    pub fn unread_fields(&self) -> Vec<&'static str> {
        let mut names = self.data.unread_fields();
        if self.organization_id.is_none() && self.extra.contains_key("organization_id") {
            names.push("organization_id");
        }
        names
    }

    /// Refuses an event of which a documented field could not be read.
    ///
    /// ```
    /// use nevent_webhooks::Rejection;
    /// use nevent_webhooks::event::{Event, EventData};
    ///
    /// async fn handle(event: Event<EventData>) -> Result<(), Rejection> {
    ///     let event = event.strict()?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// An optional field of another type than documented, by its name.
    pub fn strict(self) -> Result<Self, EventError> {
        match self.unread_fields().first() {
            None => Ok(self),
            Some(name) => Err(EventError::new(format_args!("`{name}` is not as documented"))),
        }
    }
}
