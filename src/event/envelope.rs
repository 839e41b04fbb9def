use std::borrow::Borrow;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::depth::check_depth;
use super::{EventData, EventError, Fields};

/// A Nevent event: the envelope, and `data` as it came, typed, or as a type of yours.
///
/// | ask for | and `data` is |
/// | --- | --- |
/// | `Event` | raw JSON, not looked into: match on `event_type`, then read it with [`Event::typed`] or [`Event::data_as`] |
/// | `Event<EventData>` | read by the event's type: `match event.data` |
/// | `Event<MyData>` | your own type of the whole of `data` (`struct MyData { purchase: … }`), for a route that receives one type of event |
/// | `Event<&RawValue>` | raw JSON, borrowed from the bytes: not as an extractor, but with [`Event::from_json`] |
///
/// In axum and actix-web it is an extractor, which reads the verified bytes of the request
/// and answers 400 `Malformed event` when they are no event, or when `data` is not
/// of the type asked for. Fields not named here are kept in `more`; one named twice is
/// refused, and so is what is nested more than 127 deep.
///
/// It is written as it was sent, to be put into a queue, say (JSON only: raw data keeps
/// its text, and amounts their digits). Of `Event<EventData>`, what stood beside the object
/// in `data` is not written, nor are documented fields that are `null`, and lists and
/// `custom_fields` that are empty; times are written in UTC.
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
/// assert_eq!(fan.more.get("vip"), Some(&true.into()));
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event<T = Box<RawValue>> {
    /// The event's id, `evt_…`.
    pub id: String,
    /// The event's type, `purchase.completed` for one. New ones will come.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When the event came about; sent in Unix seconds.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub created: Timestamp,
    /// The organisation it belongs to, `org_…`.
    pub organization_id: String,
    /// What happened, under the object's own name (`data.purchase`).
    pub data: T,
    /// What is not documented.
    #[serde(flatten)]
    pub more: Fields,
}

impl<T> Event<T> {
    /// Reads an event from a body. (Give the type, `let event: Event = …`: a
    /// default type is not inferred in an expression.)
    ///
    /// # Errors
    ///
    /// What is not JSON, or not an event with such `data`.
    pub fn from_json<'a>(body: &'a [u8]) -> Result<Self, EventError>
    where
        Self: Deserialize<'a>,
    {
        check_depth(body)?;
        EventError::of_reading(body)
    }
}

impl<T: Borrow<RawValue>> Event<T> {
    /// Reads `data` by the event's type. What is not documented stays within reach in
    /// the `more` of each object, and all of it in `data`.
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

/// The type of `data` depends on what stands beside it, which no `Deserialize` of its
/// own could see.
impl<'de> Deserialize<'de> for Event<EventData> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Event::<Box<RawValue>>::deserialize(deserializer)?;
        let data = raw.typed().map_err(|error| D::Error::custom(error.place_and_reason()))?;
        let Event { id, event_type, created, organization_id, data: _, more } = raw;
        Ok(Self { id, event_type, created, organization_id, data, more })
    }
}
