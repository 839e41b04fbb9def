use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Holds handlers back until it is opened.
#[derive(Clone)]
pub struct Gate(Arc<Inside>);

struct Inside {
    permits: Semaphore,
    passed: AtomicUsize,
}

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(Inside { permits: Semaphore::new(0), passed: AtomicUsize::new(0) }))
    }

    pub async fn pass(&self) {
        self.0.permits.acquire().await.expect("a gate is never closed for good").forget();
        self.0.passed.fetch_add(1, Ordering::SeqCst);
    }

    pub fn let_pass(&self, handlers: usize) {
        self.0.permits.add_permits(handlers);
    }

    /// The number of handlers that have come through.
    pub fn passed(&self) -> usize {
        self.0.passed.load(Ordering::SeqCst)
    }
}
