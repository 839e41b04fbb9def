use std::sync::atomic::{AtomicU64, Ordering};

use super::Checks;
use crate::observe::Outcome;
use crate::text::excerpt;
use crate::{Delivery, Rejection};

/// Compares the event header with the `type` in the signed body.
#[derive(Debug)]
pub(super) struct EventTypes {
    /// Whether a difference rejects the delivery. Otherwise it is only counted.
    pub(super) strict: bool,
    mismatches: AtomicU64,
}

impl EventTypes {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, mismatches: AtomicU64::new(0) }
    }

    pub(super) fn mismatches(&self) -> u64 {
        self.mismatches.load(Ordering::Relaxed)
    }
}

impl Checks {
    /// In strict mode, rejects an event whose type differs from the header. Batches and bodies that
    /// are not events are not checked: one header cannot name several types.
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

    /// Counts a difference between the header and the type unless it was counted before, and rejects
    /// it in strict mode. Without a header there is no difference.
    pub(crate) fn compare_event_type(
        &self,
        delivery: &Delivery,
        event_type: &str,
        is_news: bool,
    ) -> Result<(), Rejection> {
        let Some(header) = delivery.event_header().filter(|header| *header != event_type) else {
            return Ok(());
        };
        // Shortened, because the sender chooses both and they appear in log lines.
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
