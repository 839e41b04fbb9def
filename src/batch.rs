mod attempt;
mod end;
mod process;
mod read;
mod report;

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

pub use report::{BatchReport, EventFailure};

use crate::Delivery;
use crate::dedupe::Claimed;
use crate::event::{Event, EventError};

/// The events of one delivery: a JSON array of them, an object with an `events` array,
/// or one alone.
///
/// In axum and actix-web it is an extractor, which answers 400 `Malformed event` for
/// what is none of these, and for more than 1,000 events. It needs the [`DedupeLayer`](crate::DedupeLayer) above it.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use nevent_webhooks::{Batch, BatchReport, Event, EventData};
///
/// async fn handle(batch: Batch) -> BatchReport {
///     batch.process(8, on_event).await
/// }
///
/// async fn on_event(event: Event<EventData>) -> Result<(), String> {
///     match event.data {
///         EventData::PurchaseCompleted(purchase) => println!("{}", purchase.total),
///         _ => {}
///     }
///     Ok(())
/// }
/// # axum::routing::post::<_, _, ()>(handle);
/// # }
/// ```
///
/// With state, in a closure that clones it for each event, and says both types:
///
/// ```
/// use std::sync::Arc;
/// use nevent_webhooks::{Batch, BatchReport, Event};
///
/// # struct Database;
/// # impl Database { async fn store(&self, _: &Event) -> Result<(), String> { Ok(()) } }
/// async fn handle(database: Arc<Database>, batch: Batch) -> BatchReport {
///     let on_event = move |event: Event| {
///         let database = Arc::clone(&database);
///         async move {
///             database.store(&event).await?;
///             Ok::<(), String>(())
///         }
///     };
///     batch.process(8, on_event).await
/// }
/// ```
#[derive(Clone)]
pub struct Batch {
    delivery: Delivery,
    claimed: Claimed,
    events: Vec<Bytes>,
    /// The type of an event that came alone.
    lone_type: Option<String>,
}

impl Batch {
    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Iterates over the events in order, for handlers that process the whole batch in one
    /// transaction. Only the delivery is deduplicated, not each event. (Give the type: `for event in batch.events() { let event: Event = event?; … }`.)
    pub fn events<T>(&self) -> impl Iterator<Item = Result<Event<T>, EventError>>
    where
        Event<T>: DeserializeOwned,
    {
        self.events.iter().map(|event| Event::from_json(event))
    }
}

/// Shows how many events there are, not what is in them: it names people.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("delivery", &self.delivery)
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}
