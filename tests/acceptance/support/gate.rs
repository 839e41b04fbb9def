use std::sync::Arc;

use tokio::sync::Semaphore;

/// Holds handlers back until it is opened.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub async fn pass(&self) {
        self.0.acquire().await.expect("a gate is never closed for good").forget();
    }

    pub fn let_pass(&self, handlers: usize) {
        self.0.add_permits(handlers);
    }
}
