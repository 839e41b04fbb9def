use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Whether the worker was told to stop.
pub(super) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(super) fn tell(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the worker is told.
    pub(super) async fn told(&self) {
        let _ = self.0.subscribe().wait_for(|is_told| *is_told).await;
    }

    /// Waits for this time, or until the worker is told. Returns whether it is told.
    pub(super) async fn within(&self, pause: Duration) -> bool {
        timeout(pause, self.told()).await.is_ok()
    }
}
