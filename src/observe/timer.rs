use std::time::Duration;

use tokio::time::Instant;

/// A timer that runs only if there is an observer to report to. Reading the clock costs more than
/// everything else about observers, so a receiver without observers does not read it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer(Option<Instant>);

impl Timer {
    pub(super) fn start(is_wanted: bool) -> Self {
        Self(is_wanted.then(Instant::now))
    }

    /// The time since the start, or zero if there is no observer.
    pub(crate) fn took(self) -> Duration {
        self.0.map_or(Duration::ZERO, |started| started.elapsed())
    }
}
