//! Doubt in a master that refuses writes because its replicas are missing.

use std::sync::Arc;

use tokio::time::Instant;

use super::{LONGEST_PAUSE, Upkeep};

impl Upkeep {
    /// The master of this connection may have been replaced without knowing it. The
    /// connection stays in use while the Sentinels are asked: if replicas are merely
    /// missing, another connection would be refused just the same.
    pub(in super::super) fn doubt(self: &Arc<Self>, number: u64) {
        self.state.send_if_modified(|state| {
            if state.number == number {
                state.doubted = Some(Instant::now());
            }
            false
        });
        self.reconnect();
    }

    /// Whether the connection is only doubted, and the Sentinels name no other master.
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

    /// Whether nobody has doubted the connection for so long that the task may end. One that
    /// ended sooner would be started again at once, and begin with the shortest pause.
    pub(super) fn ends_a_doubt(&self) -> bool {
        // Held meanwhile, so that whoever doubts next finds nobody at work.
        let mut reconnecting = self.reconnecting();
        let mut ended = false;
        self.state.send_if_modified(|state| {
            let recently = state.doubted.is_some_and(|at| at.elapsed() < LONGEST_PAUSE);
            ended = !state.given_up && !recently;
            if ended {
                state.doubted = None;
            }
            false
        });
        if ended {
            *reconnecting = None;
        }
        ended
    }
}
