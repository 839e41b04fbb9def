use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::Rejection;

/// A Nevent event: the envelope, and `data` as it came or as a type of yours.
///
/// In axum and actix-web it is an extractor, which reads the verified bytes of the request
/// and answers 400 `Malformed event` when they are no event, or when `data` is not
/// of the type asked for: on a route that receives several types of event, ask
/// for a plain `Event`, and look at `event_type` first. Fields not named here are
/// tolerated; one named twice is not.
///
/// ```
/// use nevent_webhooks::Event;
/// use serde::Deserialize;
///
/// let body = br#"{"id":"evt_1","type":"fan.created","created":1640995201,
///     "data":{"fan":{"email":"maria@example.com"}},"organization_id":"org_1"}"#;
///
/// // `data` stays JSON until it is asked for …
/// let event: Event = Event::from_json(body)?;
/// assert_eq!(event.event_type, "fan.created");
/// assert_eq!(event.data.get(), r#"{"fan":{"email":"maria@example.com"}}"#);
///
/// // … or is read into a type at once.
/// #[derive(Deserialize)]
/// struct Data { fan: Fan }
/// #[derive(Deserialize)]
/// struct Fan { email: String }
///
/// let event: Event<Data> = Event::from_json(body)?;
/// assert_eq!(event.data.fan.email, "maria@example.com");
/// # Ok::<(), nevent_webhooks::EventError>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Event<T = Box<RawValue>> {
    /// The event's id, `evt_…`.
    pub id: String,
    /// The event's type, `purchase.completed` for one. New ones will come.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When the event came about, in Unix seconds.
    pub created: i64,
    /// The organisation it belongs to, `org_…`.
    pub organization_id: String,
    /// What happened, under the object's own name (`data.purchase`).
    pub data: T,
}

impl<T: DeserializeOwned> Event<T> {
    /// Reads an event from a body. (Give the type, `let event: Event = …`: a
    /// default type is not inferred in an expression.)
    ///
    /// # Errors
    ///
    /// What is not JSON, or not an event with such `data`.
    pub fn from_json(body: &[u8]) -> Result<Self, EventError> {
        serde_json::from_slice(body).map_err(EventError)
    }
}

impl Event {
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
    ///     match event.event_type.as_str() {
    ///         "purchase.refunded" => {
    ///             let refund: Refund = event.data_as()?;
    ///             println!("refund {}", refund.purchase.id);
    ///         }
    ///         _ => {} // Done as well: 2xx, or Nevent sends it again.
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `data` of another shape.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        serde_json::from_str(self.data.get()).map_err(EventError)
    }
}

/// Why a body is not an event, or not of the type asked for. Tells the place; may
/// quote a value that is of the wrong type.
#[derive(Debug, thiserror::Error)]
#[error("not the JSON of such an event: {0}")]
pub struct EventError(serde_json::Error);

/// So that `?` in a handler answers 400 `Malformed event`.
impl From<EventError> for Rejection {
    fn from(error: EventError) -> Self {
        Self::MalformedEvent { reason: error.to_string().into() }
    }
}
