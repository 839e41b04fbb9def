//! Batches: several events in one delivery, each claimed and handled by itself.

mod attempt;
mod end;
mod process;
mod read;
mod report;

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

#[cfg(feature = "queue")]
pub(crate) use end::Waiting;
pub use report::{BatchReport, EventFailure};

use crate::Delivery;
use crate::dedupe::Claimed;
use crate::event::{Event, EventError};
use crate::metrics::event_age;
#[cfg(feature = "queue")]
pub(crate) use process::process_each;

/// The events of one delivery: a JSON array of events, an object with an `events` array, or a single
/// event.
///
/// In axum and actix-web it is an extractor. It responds 400 `Malformed event` if the body is none of
/// these, and if it has more than 1,000 events. It needs a [`DedupeLayer`](crate::DedupeLayer) above
/// the handler.
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
/// A handler with state is a closure that clones the state for each event. It names the types of the
/// event and of the result:
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
    /// The type of a single event.
    lone_type: Option<String>,
}

impl Batch {
    /// The number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are no events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Iterates over the events in order, for handlers that process the whole batch in one
    /// transaction. Only the delivery is deduplicated, not each event.
    ///
    /// ```
    /// use nevent_webhooks::{Batch, Event, Rejection};
    ///
    /// async fn handle(batch: Batch) -> Result<(), Rejection> {
    ///     for event in batch.events() {
    ///         let event: Event = event?;
    ///         println!("{} {}", event.event_type, event.id);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn events<T>(&self) -> impl Iterator<Item = Result<Event<T>, EventError>>
    where
        Event<T>: DeserializeOwned,
    {
        let received = self.delivery.verified().body_end();
        self.events.iter().map(move |event| {
            let event = Event::from_repaired(event)?;
            event_age(event.created.as_second(), received);
            Ok(event)
        })
    }
}

/// Shows the number of events. The events themselves contain personal data.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("delivery", &self.delivery)
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}
