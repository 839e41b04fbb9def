use std::future::{Ready, ready};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::Envelope;
use tokio::sync::Notify;

/// Counts the entries of a round when they are taken, and measures the time from the first to the last. So
/// neither the connection nor the stop counts, of a worker as of a plain consumer. The acknowledgements of the
/// last few do not count either, of both.
pub struct Taken {
    all: u32,
    count: AtomicU32,
    first: OnceLock<Instant>,
    last: OnceLock<Instant>,
    are_all: Notify,
}

impl Taken {
    pub fn new(all: u32) -> Self {
        Self {
            all,
            count: AtomicU32::new(0),
            first: OnceLock::new(),
            last: OnceLock::new(),
            are_all: Notify::new(),
        }
    }

    pub fn one(&self) {
        self.first.get_or_init(Instant::now);
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.all {
            self.last.get_or_init(Instant::now);
            self.are_all.notify_one();
        }
    }

    /// The handler of a worker. It does nothing.
    pub fn handler(
        self: &Arc<Self>,
    ) -> impl Fn(Envelope, ClaimHandle) -> Ready<Result<(), String>> + Clone + Send + Sync + 'static
    {
        let taken = Arc::clone(self);
        move |_, _| {
            taken.one();
            ready(Ok(()))
        }
    }

    /// When a worker is to stop.
    pub async fn all(&self) {
        self.are_all.notified().await;
    }

    pub fn time(&self) -> Duration {
        let last = self.last.get().expect("all are taken");
        last.duration_since(*self.first.get().expect("one is taken"))
    }
}
