use std::time::Duration;

use tokio::time::Instant;

/// Measures how long something takes, if an observer is to be told. A look at the clock costs
/// more than all else that observers need, and a receiver without observers pays for none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer(Option<Instant>);

impl Timer {
    pub(super) fn start(is_wanted: bool) -> Self {
        Self(is_wanted.then(Instant::now))
    }

    /// The time since the start; zero if nobody wants it.
    pub(crate) fn took(self) -> Duration {
        self.0.map_or(Duration::ZERO, |started| started.elapsed())
    }
}
