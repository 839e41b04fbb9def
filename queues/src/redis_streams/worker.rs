mod outage;
mod run;

use std::collections::HashSet;
use std::fmt::{self, Display};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use redis::RedisError;

use self::outage::Outage;
use super::RedisStreams;
use super::keys::Keys;
use super::stop::Stop;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::{RetryPolicy, WorkerIncident};

/// Takes entries and runs [`Once`] for each. Several workers, in one process or many, share the work.
///
/// An entry is acknowledged and deleted when it is done, now or before. If the handler fails, the entry
/// is tried again after a delay, and becomes a dead letter after the last attempt. A dead letter is also
/// what cannot be read, or is no event.
///
/// ```no_run
/// use nevent_webhooks::queue::{Envelope, Once};
/// use nevent_webhooks::store::Scope;
/// use nevent_webhooks::{ClaimHandle, EventError};
/// use nevent_webhooks_queues::redis_streams::RedisStreams;
///
/// async fn handle(envelope: Envelope, _: ClaimHandle) -> Result<(), EventError> {
///     println!("{}", envelope.id());
///     Ok(())
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = RedisStreams::connect("redis://localhost:6379").await?;
/// let once = Once::new("tickets", redis.store())?;
/// let worker = redis.worker(&Scope::new("tickets")?);
/// worker.run(&once, handle, std::future::pending()).await;
/// # Ok(()) }
/// ```
#[must_use = "call `run`"]
pub struct RedisStreamsWorker(Member);

/// A worker as a member of the group.
pub(super) struct Member {
    pub(super) redis: RedisStreams,
    pub(super) keys: Keys,
    /// Its name in the group: another one after each start.
    pub(super) name: String,
    pub(super) settings: Settings,
    in_hand: Mutex<HashSet<String>>,
    outage: Outage,
    pub(super) stop: Stop,
    pub(super) observer: Observer,
}

pub(super) struct Settings {
    concurrency: u32,
    retry: RetryPolicy,
    pub(super) dead_for: Duration,
    pub(super) claim_after: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

impl RedisStreamsWorker {
    pub(super) fn new(redis: RedisStreams, keys: Keys) -> Self {
        let name = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        let settings = Settings {
            concurrency: 16,
            retry: RetryPolicy::new(),
            dead_for: DAY * 14,
            claim_after: Duration::from_secs(60),
        };
        let (in_hand, outage, stop) = (Mutex::default(), Outage::default(), Stop::new());
        let observer = Observer::of(&keys.queue);
        Self(Member { redis, keys, name, settings, in_hand, outage, stop, observer })
    }

    /// Sets the number of handlers that run at a time. 16 by default.
    pub fn concurrency(mut self, handlers: u32) -> Self {
        self.0.settings.concurrency = handlers.clamp(1, 10_000);
        self
    }

    /// Sets the delays and the number of attempts. See [`RetryPolicy::new`] for the default.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.0.settings.retry = policy;
        self
    }

    /// Sets how long dead letters are kept. 14 days by default. They hold personal data.
    /// With zero they are deleted within a minute, and nobody can replay them.
    pub fn dead_letters_for(mut self, age: Duration) -> Self {
        self.0.settings.dead_for = age;
        self
    }

    /// Sets the time after which the entries of a worker that has crashed are taken by another. 60 s by
    /// default, at least 300 ms. A running worker reports three times within this time.
    ///
    /// Set more than one and a half times the [lease](nevent_webhooks::DedupeOptions::lease) of [`Once`],
    /// 30 s by default. Otherwise the crashed worker's lease may still hold the event, and the entry waits
    /// for another retry.
    pub fn claim_after(mut self, silence: Duration) -> Self {
        self.0.settings.claim_after = silence.max(Duration::from_millis(300));
        self
    }

    /// Sets the function that is told of retries, dead letters and failures of the server.
    /// If it panics, the worker continues.
    pub fn observer(
        mut self,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.0.observer.set(observer);
        self
    }

    /// Works until `stop` completes. Then it takes no more entries, and returns when its handlers have
    /// ended: wrap it in a timeout if your platform does not kill the process. If the server cannot be told
    /// how an entry ended, another worker takes the entry, and finds out whether it is done.
    ///
    /// It outlives restarts of the server. If you drop the future, handlers continue, and their entries
    /// are taken again by another worker, which finds that they are done.
    pub async fn run<H, F, T, E>(self, once: &Once, handler: H, stop: impl Future<Output = ()>)
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let member = Member { observer: self.0.observer.begin(), ..self.0 };
        run::run(Arc::new(member), once, Handler::new(once, handler), stop).await;
    }
}

impl Member {
    pub(super) fn in_hand(&self) -> Vec<String> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether it was not in hand before.
    pub(super) fn take(&self, id: &str) -> bool {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned())
    }

    pub(super) fn put_down(&self, id: &str) {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(super) fn failed(&self, error: RedisError) {
        let error = self.redis.failed(error);
        self.observer.failed(&error);
    }
}

impl fmt::Debug for RedisStreamsWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStreamsWorker")
            .field("redis", &self.0.redis)
            .field("queue", &self.0.keys.queue)
            .finish_non_exhaustive()
    }
}
