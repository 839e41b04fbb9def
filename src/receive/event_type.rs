use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Checks;
use crate::observe::Outcome;
use crate::text::excerpt;
use crate::{Delivery, Rejection};

/// Compares the event header with the `type` in the signed body.
#[derive(Debug, Clone, Default)]
pub(super) struct EventTypes {
    /// A difference is refused, and not only counted.
    pub(super) strict: bool,
    mismatches: Arc<AtomicU64>,
}

impl EventTypes {
    pub(super) fn mismatches(&self) -> u64 {
        self.mismatches.load(Ordering::Relaxed)
    }
}

impl Checks {
    /// Refuses a difference, in strict mode. Batches and bodies that are not events are not
    /// checked: one header cannot name several types.
    #[cfg(feature = "events")]
    pub(super) fn check_event_type(&self, delivery: &Delivery) -> Result<(), Rejection> {
        if !self.event_types.strict {
            return Ok(());
        }
        let peek = crate::event::Peek::of_event(delivery.body());
        match peek.and_then(crate::event::Peek::event_type) {
            Some(event_type) => self.compare_event_type(delivery, &event_type, true),
            None => Ok(()),
        }
    }

    /// Counts a difference if it is news, and refuses it in strict mode. Without a header
    /// there is no difference.
    pub(crate) fn compare_event_type(
        &self,
        delivery: &Delivery,
        event_type: &str,
        is_news: bool,
    ) -> Result<(), Rejection> {
        let Some(header) = delivery.event_header().filter(|header| *header != event_type) else {
            return Ok(());
        };
        // As long as a line of a log should be: the sender chooses both.
        let (header, body) = (&*excerpt(header, 60), &*excerpt(event_type, 60));
        if is_news {
            self.event_types.mismatches.fetch_add(1, Ordering::Relaxed);
            self.observe(Outcome::EventTypeMismatch { header, body }, Some(delivery));
        }
        if !self.event_types.strict {
            return Ok(());
        }
        Err(Rejection::EventTypeMismatch { header: header.into(), body: body.into() })
    }
}
