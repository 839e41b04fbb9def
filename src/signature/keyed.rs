use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::mac::MacKeys;
use super::secrets::PerSecret;

/// A secret of any kind: its keys and its label.
#[derive(Clone)]
pub(crate) struct KeyedSecret {
    pub(super) keys: Arc<MacKeys>,
    pub(super) label: Label,
}

impl KeyedSecret {
    pub(super) fn new(name: &str, key: &[u8]) -> Self {
        let label = Label { name: name.into(), matches: Arc::default() };
        Self { keys: Arc::new(MacKeys::new(key)), label }
    }
}

/// The part of a secret that is not confidential: its name and the count of its matches.
#[derive(Clone)]
pub(super) struct Label {
    pub(super) name: Arc<str>,
    matches: Arc<AtomicU64>,
}

impl Label {
    pub(super) fn matches(&self) -> u64 {
        self.matches.load(Ordering::Relaxed)
    }
}

/// The labels of a verifier's secrets. A verification holds these and no keys, so that replaced
/// secrets can be wiped.
pub(super) type Labels = Arc<PerSecret<Label>>;

/// One of the labels. Holds all of them, because a clone of that one would cost more than the label
/// itself.
#[derive(Clone)]
pub(super) struct Matched {
    labels: Labels,
    index: usize,
}

impl Matched {
    pub(super) fn new(labels: Labels, index: usize) -> Self {
        Self { labels, index }
    }

    pub(super) fn name(&self) -> &str {
        self.labels.get(self.index).map_or("", |label| &label.name)
    }

    pub(super) fn count(&self) {
        if let Some(label) = self.labels.get(self.index) {
            label.matches.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}
