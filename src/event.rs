//! What a body says: the envelope of an event, what is in it, and batches of them.
//!
//! An [`Event`] is the envelope. Its `data` stays JSON until it is asked for, or is
//! read into [`EventData`], an enum over the documented types, or into a type of your
//! own:
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
//!         _ => {} // Done as well: 2xx, or Nevent sends it again.
//!     }
//! }
//! ```
//!
//! Times and dates are those of `jiff` 1, amounts of `rust_decimal` 1, raw data and fields
//! of `serde_json` 1: these versions are part of the interface.
//!
//! # Which fields may be odd
//!
//! A documented field is required if its object makes no sense without it. All others are
//! optional: if the value cannot be read, the field is `None` or empty, the value is kept in
//! the object's `more` under the field's name, and [`unread_fields`] counts it. Written
//! again, it comes out as it came. [`Event::strict`] refuses such an event instead.
//! Undocumented fields are kept in `more` as well.
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
//! | a field of this kind | is read from |
//! | --- | --- |
//! | text | a string |
//! | amount | a number of at most 28 digits, or a string of one; never rounded |
//! | whole number (`quantity`, `created`) | `2`, `2.0`, `2e0` or `"2"`; never rounded, may be negative |
//! | time | a string in RFC 3339 with its zone; one without a zone, `""` and a number are odd |
//! | date | a string such as `2024-06-15`; a date with a time, and `""`, are odd |
//! | list, object | of JSON the same; PHP's `[]` for an empty object and `{}` for an empty list are odd |
//!
//! `null` is nothing: `None`, or empty. A list with one odd entry, and a venue without a name,
//! are odd as a whole.

mod data;
mod decimal;
mod envelope;
mod error;
mod fan;
mod json;
mod live_event;
mod object;
mod optional;
#[cfg(any(feature = "tower", feature = "actix"))]
mod peek;
mod purchase;
mod raw;
#[cfg(any(feature = "tower", feature = "actix"))]
mod read_delivery;
mod text;
mod whole;

#[cfg(any(feature = "tower", feature = "actix"))]
pub use crate::batch::{Batch, BatchReport, EventFailure};
pub use data::EventData;
pub use envelope::Event;
pub use error::EventError;
pub use fan::Fan;
pub use jiff::{Timestamp, civil::Date};
pub use live_event::{Artist, LiveEvent, Venue};
pub use optional::unread_fields;
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use peek::{Peek, Shape};
pub use purchase::{Purchase, Ticket};
pub use raw::RawData;
pub use rust_decimal::Decimal;
pub use serde_json::value::RawValue;
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use text::readable;

/// Fields of a JSON object by their names. A field that becomes documented moves from
/// `more` to a field of its own. (Numbers are integers of 64 bits or the nearest binary
/// float, and one beyond a float's range is a string of its digits: for an amount that is not
/// documented yet, take the text in a raw `data`.)
pub type Fields = serde_json::Map<String, serde_json::Value>;
