//! What the targets that send requests share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, DedupeOptions};
use tokio::runtime::Runtime;

/// Runs to its end, on this thread.
///
/// # Panics
///
/// If there is no runtime to be had.
pub fn run<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    });
    RUNTIME.block_on(future)
}

/// With a scope of its own, in a store for all: it costs more to make than a run takes.
///
/// # Panics
///
/// For options that are refused.
pub fn deduplicated(options: DedupeOptions) -> DedupeLayer {
    static STORE: LazyLock<Arc<MemoryStore>> =
        LazyLock::new(|| Arc::new(MemoryStore::with_capacity(10_000).unwrap()));
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let scope = format!("run {}", RUN.fetch_add(1, Ordering::Relaxed));
    DedupeLayer::with_options(&scope, Arc::clone(&STORE), options).unwrap()
}
