mod read;

use std::borrow::Borrow;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::reading::WholeBody;
use super::repair::repair;
use super::{EventData, EventError, Fields, RawData};

/// A Nevent event: the envelope, and its `data`.
///
/// | ask for | `data` is |
/// | --- | --- |
/// | `Event` | raw JSON; match on `event_type`, then call [`Event::typed`] or [`Event::data_as`] |
/// | `Event<EventData>` | an enum over the documented types; match on `event.data` |
/// | `Event<MyData>` | your own type for the whole of `data` (`struct MyData { purchase: … }`), for a route that receives one type of event |
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
/// // `data` stays raw JSON until it is read …
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
/// // … or is read into your own type.
/// #[derive(Deserialize)]
/// struct MyData { fan: MyFan }
/// #[derive(Deserialize)]
/// struct MyFan { vip: bool }
///
/// let event: Event<MyData> = Event::from_json(body)?;
/// assert!(event.data.fan.vip);
/// # Ok::<(), nevent_webhooks::EventError>(())
/// ```
///
/// # As an extractor
///
/// In axum and actix-web, an `Event` is an extractor. It reads the verified body, and answers
/// 400 `Malformed event` if the body is not an event, or if `data` is not of the type asked
/// for. To accept events that cannot be read, take `Result<Event<…>, Rejection>` and a
/// [`Delivery`](crate::Delivery), as `examples/park.rs` does.
///
/// Fields that are not listed here are kept in `extra`. A body that has a field twice, or that
/// is nested more than 127 deep, is an error.
///
/// # Writing
///
/// An event is written as it was sent, for example into a queue. `Event<EventData>` has these
/// differences: fields next to the object in `data` are not written, nor are documented fields
/// that are `null`, empty lists, and empty `custom_fields`. Times are written in UTC.
///
/// JSON keeps all digits of amounts. Binary formats such as `MessagePack` and CBOR keep them
/// too, as strings. Other numbers in raw `data` are 64-bit integers or floats there.
///
/// Your own types may contain an event within `#[serde(tag = "…")]`, `untagged` or `flatten`.
/// Then the amounts of `Event<EventData>` are read by way of a float: 15 digits are exact,
/// and `85.00` becomes `85.0`. Choose a tag that is not a field of an event: serde would write
/// `type` twice without an error.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Event<T = RawData> {
    /// The event's id, `evt_…`.
    pub id: String,
    /// The event's type, such as `purchase.completed`. Nevent will add types.
    pub event_type: String,
    /// When the event happened. It is sent in Unix seconds.
    pub created: Timestamp,
    /// The organisation that the event belongs to, `org_…`. A test event may have none.
    pub organization_id: Option<String>,
    /// The object that the event is about, under its own name (`data.purchase`). Raw data is
    /// `null` if there is none, as in a test event.
    pub data: T,
    /// Undocumented fields, and an `organization_id` that could not be read.
    pub extra: Fields,
}

impl<T> Event<T> {
    /// Reads an event from a body.
    ///
    /// Give the type, as in `let event: Event = …`: Rust does not infer the default type in an
    /// expression. A byte order mark before the JSON is skipped. Half of a surrogate pair is
    /// read as U+FFFD, as [`RawData`] describes.
    ///
    /// A body that cannot be read is read a second time to find the reason, so a `Deserialize` that you
    /// wrote may run twice.
    ///
    /// # Errors
    ///
    /// A body that is not JSON, or that is not an event with `data` of this type.
    pub fn from_json(body: &[u8]) -> Result<Self, EventError>
    where
        Self: DeserializeOwned,
    {
        EventError::of_repaired(WholeBody::new, &repair(body)?)
    }

    /// Reads an event from a body that was repaired as a whole.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn from_repaired(body: &[u8]) -> Result<Self, EventError>
    where
        Self: DeserializeOwned,
    {
        EventError::of_repaired(WholeBody::new, body)
    }
}

impl<T: Borrow<RawValue>> Event<T> {
    /// Reads `data` by the event's type. Undocumented fields are in the `extra` of each
    /// object.
    ///
    /// ```
    /// use nevent_webhooks::{Event, Rejection};
    /// use nevent_webhooks::event::EventData;
    ///
    /// async fn handle(event: Event) -> Result<(), Rejection> {
    ///     match event.typed()? {
    ///         EventData::PurchaseRefunded(purchase) => println!("refund {}", purchase.id),
    ///         EventData::Unknown { event_type, data } => println!("new: {event_type} {data}"),
    ///         _ => {} // Answer 2xx here too: Nevent would send the event again.
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `data` that does not have the fields of its type.
    pub fn typed(&self) -> Result<EventData, EventError> {
        EventData::read(&self.event_type, self.data.borrow())
    }

    /// Reads `data` into your own type, which you choose by the event's type.
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
    /// After an error the data is read a second time to find the reason, so a `Deserialize` that you
    /// wrote may run twice.
    ///
    /// # Errors
    ///
    /// `data` that your type cannot be read from.
    pub fn data_as<D: DeserializeOwned>(&self) -> Result<D, EventError> {
        let data = self.data.borrow().get().as_bytes();
        EventError::of_reading(data).map_err(|error| error.within("data"))
    }
}

impl Event<EventData> {
    /// Returns the names of documented fields that could not be read: those of
    /// [`EventData::unread_fields`], and those of the envelope.
    #[must_use]
    pub fn unread_fields(&self) -> Vec<&'static str> {
        let mut names = self.data.unread_fields();
        if self.organization_id.is_none() && self.extra.contains_key("organization_id") {
            names.push("organization_id");
        }
        names
    }

    /// Returns the event, or an error if a documented field could not be read.
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
    /// The name of the first field that could not be read.
    pub fn strict(self) -> Result<Self, EventError> {
        match self.unread_fields().first() {
            None => Ok(self),
            Some(name) => Err(EventError::new(format_args!("`{name}` is not as documented"))),
        }
    }
}
