use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(250);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The pause of all tasks that meet the same outage. It doubles each time that it is over and the outage
/// is not.
#[derive(Debug, Default)]
pub(crate) struct SharedPause(Mutex<Option<Pause>>);

#[derive(Debug, Clone, Copy)]
struct Pause {
    length: Duration,
    until: Instant,
}

impl SharedPause {
    /// How long to wait. Tasks that fail during a pause wait for its end.
    pub(crate) fn next(&self) -> Duration {
        let now = Instant::now();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = match *last {
            Some(pause) if now < pause.until => return pause.until - now,
            Some(pause) => (pause.length * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        *last = Some(Pause { length, until: now + length });
        length
    }

    /// The outage is over.
    pub(crate) fn reset(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
