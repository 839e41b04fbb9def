use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::mac::MacKeys;

/// A secret of any kind: its keys, its name and the count of its matches.
#[derive(Clone)]
pub(crate) struct KeyedSecret {
    pub(super) name: Arc<str>,
    pub(super) keys: Arc<MacKeys>,
    matches: Arc<AtomicU64>,
}

impl KeyedSecret {
    pub(super) fn new(name: &str, key: &[u8]) -> Self {
        Self { name: name.into(), keys: Arc::new(MacKeys::new(key)), matches: Arc::default() }
    }

    pub(super) fn matches(&self) -> u64 {
        self.matches.load(Ordering::Relaxed)
    }

    pub(super) fn count_match(&self) {
        self.matches.fetch_add(1, Ordering::Relaxed);
    }
}
