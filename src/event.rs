//! Events: the JSON envelope of a body, and typed data for the documented events.
//!
//! An [`Event`] is the envelope: its id, its type and its time. Its `data` can be read in
//! three ways:
//!
//! | ask for | `data` is |
//! | --- | --- |
//! | [`Event`] | raw JSON, to be read later |
//! | [`Event<EventData>`](EventData) | an enum over the documented types |
//! | `Event<MyData>` | your own type |
//!
//! ```
//! use nevent_webhooks::event::{Event, EventData};
//!
//! async fn handle(event: Event<EventData>) {
//!     match event.data {
//!         EventData::PurchaseCompleted(purchase) => {
//!             println!("{} pays {} {}", purchase.fan.id, purchase.total, purchase.currency);
//!         }
//!         EventData::FanCreated(fan) => println!("welcome, {}", fan.id),
//!         _ => {} // Answer 2xx here too: Nevent would send the event again.
//!     }
//! }
//! ```
//!
//! Times and dates are types of `jiff` 1, amounts are `rust_decimal` 1, raw data and extra
//! fields are `serde_json` 1. Another major version of one of these is a breaking change of
//! this crate.
//!
//! # Fields that senders get wrong
//!
//! Fields that an object makes no sense without are required. An event without one of them
//! is an [`EventError`]. All other documented fields are optional. If the value of an
//! optional field cannot be read:
//!
//! - the field is `None` or empty;
//! - the value is kept in the object's `extra`, under the field's name, and is written again
//!   as it was sent;
//! - [`unread_fields`] counts it, and [`Event::strict`] turns it into an error.
//!
//! Undocumented fields are kept in `extra` as well.
//!
//! | object | required | optional |
//! | --- | --- | --- |
//! | [`Event`] | `id`, `type`, `created`; `data`, if its type is documented | `organization_id` |
//! | [`Purchase`] | `id`, `fan`, `event`, `tickets`, `total`, `currency` | `payment_method`, `status`, `purchased_at` |
//! | [`Ticket`] | `type`, `quantity`, `price` | `currency` |
//! | [`Fan`] | `id` | `email`, `first_name`, `last_name`, `phone`, `city`, `country`, `tags`, `custom_fields`, `created_at`, `source` |
//! | [`LiveEvent`] | `id`, `name` | `date`, `venue`, `lineup`, `published_at` |
//! | [`Venue`] | `name` | `city` |
//! | [`Artist`] | `name` | `spotify_id` |
//!
//! A field is read from these JSON values, and from no others:
//!
//! | kind of field | values |
//! | --- | --- |
//! | text | a string |
//! | amount | a number of at most 28 digits, or a string of one; never rounded |
//! | whole number (`quantity`, `created`) | `2`, `2.0`, `2e0` or `"2"`; never rounded, may be negative |
//! | time | a string in RFC 3339 with its zone; not one without a zone, `""` or a number |
//! | date | a string such as `2024-06-15`; not a date with a time, or `""` |
//! | list, object | a JSON list or object; not PHP's `[]` for an empty object, or `{}` for an empty list |
//!
//! `null` is read as `None` or empty. One unreadable entry makes the whole list unreadable,
//! and so does a missing name for a venue.

mod data;
mod decimal;
mod envelope;
mod fan;
mod json;
mod live_event;
mod object;
mod optional;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod peek;
mod plain;
mod purchase;
mod raw;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod read_delivery;
mod reading;
mod repair;
mod unread;
mod whole;

pub use crate::event_error::EventError;
#[cfg(test)]
pub(crate) use data::DOCUMENTED_TYPES;
pub use data::EventData;
pub use envelope::Event;
pub use fan::Fan;
pub use jiff::{Timestamp, civil::Date};
pub use live_event::{Artist, LiveEvent, Venue};
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use peek::{MOST_EVENTS, Peek, Shape};
pub use purchase::{Purchase, Ticket};
pub use raw::RawData;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use repair::repair;
pub use rust_decimal::Decimal;
pub use serde_json::value::RawValue;
pub use unread::unread_fields;

/// The fields of a JSON object, by name.
///
/// A field that becomes documented moves from `extra` to a field of its own.
///
/// A number is a 64-bit integer, or the nearest 64-bit float. A number beyond a float's range
/// is a string of its digits. For an undocumented amount, read the text of a raw
/// [`data`](Event::data) instead.
///
/// ```
/// use nevent_webhooks::Event;
///
/// let body = br#"{"id":"evt_1","type":"ping","created":1640995201,"attempt":2}"#;
/// let event: Event = Event::from_json(body)?;
/// assert_eq!(event.extra["attempt"], 2);
/// # Ok::<(), nevent_webhooks::EventError>(())
/// ```
pub type Fields = serde_json::Map<String, serde_json::Value>;
