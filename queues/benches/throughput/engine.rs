//! What is measured of each engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use axum::Router;
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::MemoryStore;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::receiver;
use crate::support::sender::Sender;

/// Deliveries in a round.
pub const COUNT: u32 = 2_000;
/// Under way at the same time.
pub const AT_ONCE: u32 = 32;
/// Handled at the same time: the default of every worker.
pub const CONCURRENCY: u16 = 16;

/// An engine with its broker, which is running.
pub trait Engine: Sized {
    const NAME: &str;

    async fn start() -> Self;

    /// A receiver that hands over to the engine's queue.
    async fn receiver(&self) -> Router;

    /// Runs the engine's worker until `enough` is.
    async fn work(&self, once: &Once, handled: &Arc<Handled>);

    /// Puts this body [`COUNT`] times, [`AT_ONCE`] at a time, each until the broker has confirmed it. Into a
    /// queue of the same configuration.
    async fn produce(&self, body: &str);

    /// Takes and acknowledges [`COUNT`] of these.
    async fn consume(&self);
}

/// For each second.
pub struct Rate([f64; 4]);

impl Rate {
    pub const NAMES: [&str; 4] = ["hand-over", "produce", "work", "consume"];

    pub fn each(&self) -> impl Iterator<Item = (&'static str, f64)> {
        Self::NAMES.into_iter().zip(self.0)
    }
}

pub async fn measure(engine: &impl Engine) -> Rate {
    static ROUND: AtomicU32 = AtomicU32::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    let address = receiver::spawn(engine.receiver().await).await;
    let begun = Instant::now();
    send(address, round).await;
    let handed_over = begun.elapsed();

    let begun = Instant::now();
    engine.produce(&body(round, 0)).await;
    let produced = begun.elapsed();

    let once = Once::new("work", MemoryStore::new()).expect("a scope");
    let handled = Arc::new(Handled::default());
    let begun = Instant::now();
    engine.work(&once, &handled).await;
    let worked = begun.elapsed();

    let begun = Instant::now();
    engine.consume().await;
    let consumed = begun.elapsed();
    Rate(
        [handed_over, produced, worked, consumed].map(|time| f64::from(COUNT) / time.as_secs_f64()),
    )
}

/// One event of about 1 KiB.
fn body(round: u32, number: u32) -> String {
    let name = "x".repeat(900);
    format!(
        r#"{{"id":"evt_{round}_{number}","type":"fan.created","created":1640995200,"data":{{"name":"{name}"}}}}"#
    )
}

async fn send(address: SocketAddr, round: u32) {
    let sender = Sender::new(vec![address]);
    each_at_once(move |number| {
        let sender = sender.clone();
        async move {
            sender.until_accepted(&format!("d-{round}-{number}"), &body(round, number)).await;
        }
    })
    .await;
}

/// Runs [`COUNT`] of these, [`AT_ONCE`] at a time.
pub async fn each_at_once<F>(run: impl Fn(u32) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    for number in 0..COUNT {
        if number >= AT_ONCE {
            under_way.join_next().await.expect("one").expect("no panic");
        }
        under_way.spawn(run(number));
    }
    while let Some(ended) = under_way.join_next().await {
        ended.expect("no panic");
    }
}

/// Counts what the handler has done.
#[derive(Default)]
pub struct Handled {
    count: AtomicU32,
    all: Notify,
}

impl Handled {
    /// The handler of the worker.
    pub fn handler(
        self: &Arc<Self>,
    ) -> impl Fn(Envelope, ClaimHandle) -> std::future::Ready<Result<(), String>>
    + Clone
    + Send
    + Sync
    + 'static {
        let handled = Arc::clone(self);
        move |_, _| {
            if handled.count.fetch_add(1, Ordering::Relaxed) + 1 == COUNT {
                handled.all.notify_one();
            }
            std::future::ready(Ok(()))
        }
    }

    pub async fn all(&self) {
        self.all.notified().await;
    }
}
