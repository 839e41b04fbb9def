//! Checking whether a master that refuses writes has been replaced.

use std::sync::Arc;

use tokio::time::Instant;

use super::{LONGEST_PAUSE, Supervisor};

impl Supervisor {
    /// Has the Sentinels asked whether the master of this connection is still the master.
    ///
    /// The master refuses writes because its replicas are missing: it may have been cut off
    /// and replaced without knowing it. The connection stays in use meanwhile, because if
    /// replicas are merely missing, another connection would be refused just the same.
    pub(in super::super) fn suspect_master(self: &Arc<Self>, number: u64) {
        self.state.send_if_modified(|state| {
            if state.number == number {
                state.suspected = Some(Instant::now());
            }
            false
        });
        self.reconnect();
    }

    /// Whether the connection is still usable: it was not given up, and the Sentinels name
    /// no other master.
    pub(super) async fn is_confirmed(&self) -> bool {
        let current = {
            let state = self.state.borrow();
            if state.given_up {
                return false;
            }
            state.master.clone()
        };
        match (self.source.master(&self.options).await, current) {
            (Ok(Some(named)), Some(current)) => named.has_address_of(&current),
            (Ok(Some(_)), None) => false,
            (Ok(None) | Err(_), _) => true,
        }
    }

    /// Clears the suspicion if it is old enough for the task to end, and returns whether it
    /// is. A task that ended sooner would be started again at once, with the shortest pause.
    pub(super) fn clear_suspicion(&self) -> bool {
        // Locked meanwhile. Otherwise a new suspicion could find a task that is about to end.
        let mut reconnecting = self.reconnecting();
        let mut cleared = false;
        self.state.send_if_modified(|state| {
            let recently = state.suspected.is_some_and(|at| at.elapsed() < LONGEST_PAUSE);
            cleared = !state.given_up && !recently;
            if cleared {
                state.suspected = None;
            }
            false
        });
        if cleared {
            *reconnecting = None;
        }
        cleared
    }
}
