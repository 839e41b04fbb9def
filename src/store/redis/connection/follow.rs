//! Giving up a connection once the Sentinels change the master, before the old one knows.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSub;
use redis::{Client, RedisError};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::super::sentinels::{Master, Sentinels, failover};
use super::upkeep::Upkeep;

/// The events that a Sentinel publishes when it leads a failover, and when it has learned
/// of one.
const EVENTS: [&str; 3] =
    ["+failover-state-send-slaveof-noone", "+promoted-slave", "+switch-master"];

/// Between two tries to reach a Sentinel.
const PAUSE: Duration = Duration::from_secs(1);

struct Following {
    sentinels: Arc<Sentinels>,
    sentinel: Client,
    master: Master,
    /// Weak: the tasks end with the store.
    upkeep: Weak<Upkeep>,
    number: u64,
    patience: Duration,
}

/// Follows each Sentinel with a task of its own. Only the one that leads a failover
/// publishes its beginning.
pub(super) fn each(
    sentinels: &Arc<Sentinels>,
    master: &Master,
    tasks: &mut JoinSet<()>,
    upkeep: &Arc<Upkeep>,
    number: u64,
) {
    for sentinel in sentinels.clients.iter().cloned() {
        let following = Following {
            sentinels: Arc::clone(sentinels),
            sentinel,
            master: master.clone(),
            upkeep: Arc::downgrade(upkeep),
            number,
            patience: upkeep.options.connect_timeout,
        };
        tasks.spawn(following.follow());
    }
}

impl Following {
    async fn follow(self) {
        loop {
            if let Ok(Ok(mut events)) = timeout(self.patience, self.subscribe()).await {
                let mut events = events.on_message();
                // Once before the first event: a failover may have begun before the subscription.
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
        let mut events = self.sentinel.get_async_pubsub().await?;
        events.subscribe(&EVENTS).await?;
        Ok(events)
    }

    /// Asks the Sentinel, and gives the connection up if the master is another.
    async fn is_outdated(&self) -> bool {
        let view = timeout(self.patience, self.sentinels.view(&self.sentinel)).await;
        let outdated = view.is_ok_and(|view| view.is_ok_and(|view| view.outdates(&self.master)));
        if outdated && let Some(upkeep) = self.upkeep.upgrade() {
            upkeep.give_up(self.number, &failover());
        }
        outdated
    }
}
