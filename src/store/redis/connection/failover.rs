//! Leaving a master as soon as the Sentinels replace it, before the old master knows.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use redis::RedisError;
use redis::aio::PubSub;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::super::node::Node;
use super::super::sentinels::{Master, Sentinels, failover_in_progress};
use super::supervisor::Supervisor;

/// The events that a Sentinel publishes when it leads a failover, and when it has learned
/// of one.
const EVENTS: [&str; 3] =
    ["+failover-state-send-slaveof-noone", "+promoted-slave", "+switch-master"];

/// The pause between two attempts to reach a Sentinel.
const PAUSE: Duration = Duration::from_secs(1);

/// Watches one Sentinel for a failover.
struct Watch {
    sentinels: Arc<Sentinels>,
    sentinel: Node,
    master: Master,
    /// Weak, so that the tasks end with the store.
    supervisor: Weak<Supervisor>,
    /// The number of the connection to give up.
    number: u64,
    timeout: Duration,
}

/// Watches each Sentinel with a task of its own. A single Sentinel would not do: only the
/// one that leads a failover publishes its beginning.
pub(super) fn watch_each(
    sentinels: &Arc<Sentinels>,
    master: &Master,
    tasks: &mut JoinSet<()>,
    supervisor: &Arc<Supervisor>,
    number: u64,
) {
    for sentinel in sentinels.nodes.iter().cloned() {
        let watch = Watch {
            sentinels: Arc::clone(sentinels),
            sentinel,
            master: master.clone(),
            supervisor: Arc::downgrade(supervisor),
            number,
            timeout: supervisor.options.connect_timeout,
        };
        tasks.spawn(watch.run());
    }
}

impl Watch {
    async fn run(self) {
        loop {
            if let Ok(Ok(mut events)) = timeout(self.timeout, self.subscribe()).await {
                let mut events = events.on_message();
                // Checked before the first event too, because a failover may have begun
                // before the subscription.
                while !self.is_outdated().await {
                    if events.next().await.is_none() {
                        break;
                    }
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn subscribe(&self) -> Result<PubSub, RedisError> {
        let mut events = self.sentinel.connect_for_events().await?;
        events.subscribe(&EVENTS).await?;
        Ok(events)
    }

    /// Asks the Sentinel, and gives the connection up if the master is another.
    async fn is_outdated(&self) -> bool {
        let view = timeout(self.timeout, self.sentinels.view(&self.sentinel)).await;
        let outdated = view.is_ok_and(|view| view.is_ok_and(|view| view.outdates(&self.master)));
        if outdated && let Some(supervisor) = self.supervisor.upgrade() {
            supervisor.give_up(self.number, &failover_in_progress());
        }
        outdated
    }
}
