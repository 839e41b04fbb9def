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
//! Of the documented objects, the fields without which they would say nothing are
//! required; all others are optional, and what is not documented is kept in `more`.

#[cfg(feature = "layers")]
mod batch;
mod data;
mod decimal;
mod depth;
mod envelope;
mod error;
#[cfg(feature = "layers")]
mod extract;
mod fan;
mod live_event;
mod purchase;
#[cfg(feature = "layers")]
mod sketch;

#[cfg(feature = "layers")]
pub use batch::{Batch, BatchReport, EventFailure};
pub use data::EventData;
pub use envelope::Event;
pub use error::EventError;
pub use fan::Fan;
pub use jiff::{Timestamp, civil::Date};
pub use live_event::{Artist, LiveEvent, Venue};
pub use purchase::{Purchase, Ticket};
pub use rust_decimal::Decimal;
pub use serde_json::value::RawValue;
#[cfg(feature = "layers")]
pub(crate) use sketch::Sketch;

/// Fields of a JSON object by their names. A field that becomes documented moves from
/// `more` to a field of its own. (Numbers are integers of 64 bits or the nearest binary
/// float: for an amount that is not documented yet, take the text in a raw `data`.)
pub type Fields = serde_json::Map<String, serde_json::Value>;

use serde::{Deserialize, Deserializer};

/// For collections: `null` is as good as nothing.
fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
