use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::Scope;
use nevent_webhooks_queues::redis_streams::{RedisDeadLetters, RedisStreams, RedisStreamsWorker};
use nevent_webhooks_queues::{RetryPolicy, WorkerIncident};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::server::Server;
use crate::support::engine::connected;
use crate::support::receiver::{self, SCOPE, short_lease};
use crate::support::sender::Sender;

/// A server, a receiver on a socket, and a sender.
pub struct Scene {
    pub server: Server,
    pub redis: RedisStreams,
    pub sender: Sender,
}

pub fn scope() -> Scope {
    Scope::new(SCOPE).expect("a scope")
}

impl Scene {
    pub async fn new() -> Self {
        let server = Server::durable().await;
        let redis = RedisStreams::connect(&server.url()).await.expect("a durable server");
        let receiver = receiver::app(redis.queue(), redis.store());
        let sender = Sender::new(vec![receiver::spawn(receiver).await]);
        Self { server, redis, sender }
    }

    /// A worker with short delays and three attempts.
    pub fn worker(&self) -> RedisStreamsWorker {
        worker(&self.redis)
    }

    pub fn once(&self) -> Once {
        Once::with_options(SCOPE, self.redis.store(), short_lease()).expect("safe options")
    }

    pub fn dead(&self) -> RedisDeadLetters {
        self.redis.dead_letters(&scope())
    }

    pub async fn depth(&self) -> u64 {
        depth(&self.redis).await
    }
}

pub async fn depth(redis: &RedisStreams) -> u64 {
    // The first call after a restart finds a broken connection.
    connected(async || redis.depth(&scope()).await).await
}

pub fn worker(redis: &RedisStreams) -> RedisStreamsWorker {
    let policy = RetryPolicy::new().first(Duration::from_millis(100)).attempts(3);
    let worker = redis.worker(&scope()).retry(policy);
    worker.claim_after(Duration::from_secs(1))
}

/// What happened, one line each.
#[derive(Clone, Default)]
pub struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub fn write(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn has(&self, line: &str) -> bool {
        self.lines().iter().any(|known| known == line)
    }

    /// The observer of a worker.
    pub fn observer(&self) -> impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static {
        let diary = self.clone();
        move |happened| match happened {
            WorkerIncident::Retry { event, outcome, attempts, delay, .. } => {
                diary.write(format!("retry {event} {outcome} {attempts} {}", delay.as_millis()));
            }
            WorkerIncident::DeadLetter { event, reason, attempts, .. } => {
                diary.write(format!("dead {event} {reason} {attempts}"));
            }
            WorkerIncident::QueueFailed { .. } => diary.write("server failed".to_owned()),
            other => diary.write(format!("{other:?}")),
        }
    }
}

/// A worker at work. Call [`Running::stop`].
pub struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub fn start<F>(
        once: &Once,
        worker: RedisStreamsWorker,
        handler: impl Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let once = once.clone();
        let task = tokio::spawn(async move {
            worker.run(&once, handler, async { drop(stopped.await) }).await;
        });
        Self { stop, task }
    }

    /// Returns when the worker has put down everything.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.expect("no panic");
    }
}
