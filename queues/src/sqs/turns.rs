//! The order of the entries of one group.

use std::collections::HashMap;
use std::convert::Infallible;

use tokio::sync::oneshot;

/// One request may return several entries of a group of a FIFO queue. They are handled one after the other.
#[derive(Default)]
pub(super) struct Turns(HashMap<String, oneshot::Receiver<Infallible>>);

/// The turn of one entry, which ends when this is dropped.
pub(super) struct Turn {
    before: Option<oneshot::Receiver<Infallible>>,
    _end: Option<oneshot::Sender<Infallible>>,
}

impl Turns {
    /// The turn after the last one of this group.
    pub(super) fn next(&mut self, group: Option<String>) -> Turn {
        let Some(group) = group else { return Turn { before: None, _end: None } };
        let (end, ended) = oneshot::channel();
        Turn { before: self.0.insert(group, ended), _end: Some(end) }
    }
}

impl Turn {
    /// Waits for it. Returns whether there was another one before it.
    pub(super) async fn comes(&mut self) -> bool {
        if let Some(before) = &mut self.before {
            // It ends by being dropped, also in a panic.
            let _ = before.await;
        }
        self.before.is_some()
    }
}
