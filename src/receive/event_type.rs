use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::observe::log;
use crate::text::excerpt;
use crate::{Delivery, Rejection};

/// Holds the event header against the `type` in the signed body.
#[derive(Debug, Clone)]
pub(crate) struct EventTypes {
    /// A difference is refused, and not only counted.
    pub(super) strict: bool,
    mismatches: Arc<AtomicU64>,
}

impl EventTypes {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, mismatches: Arc::default() }
    }

    pub(super) fn mismatches(&self) -> u64 {
        self.mismatches.load(Ordering::Relaxed)
    }

    /// Refuses a difference, in strict mode. A batch, and what is no event, is left
    /// to whoever reads it: no header could tell of several types.
    #[cfg(feature = "events")]
    pub(super) fn judge(&self, delivery: &Delivery) -> Result<(), Rejection> {
        if !self.strict {
            return Ok(());
        }
        let sketch = crate::event::Peek::of_event(delivery.body());
        match sketch.and_then(crate::event::Peek::event_type) {
            Some(event_type) => self.compare(delivery, &event_type),
            None => Ok(()),
        }
    }

    /// Counts a difference, once per delivery however often its event is read. (No header,
    /// no difference.)
    pub(crate) fn compare(&self, delivery: &Delivery, event_type: &str) -> Result<(), Rejection> {
        let Some(header) = delivery.event_header().filter(|header| *header != event_type) else {
            return Ok(());
        };
        // As long as a line of a log should be: the sender chooses both.
        let (header, body) = (excerpt(header, 60), excerpt(event_type, 60));
        if delivery.is_first_mismatch() {
            self.mismatches.fetch_add(1, Ordering::Relaxed);
            log::event_type_mismatch(delivery.id(), &header, &body);
        }
        if !self.strict {
            return Ok(());
        }
        Err(Rejection::EventTypeMismatch { header: header.into(), body: body.into() })
    }
}
