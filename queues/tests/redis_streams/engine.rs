use std::time::Duration;

use axum::Router;
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::Store;
use nevent_webhooks_queues::redis_streams::{
    RedisDeadLetters, RedisStreams, RedisStreamsError, RedisStreamsWorker,
};
use nevent_webhooks_queues::{RetryPolicy, WorkerIncident};

use crate::hand_over::QUEUE;
use crate::scene::{depth, scope};
use crate::server::Server;
use crate::support::engine::{Engine, Foreign, engine_dead_letters};
use crate::support::ledger::Load;
use crate::support::receiver;

pub struct Streams {
    server: Server,
    redis: RedisStreams,
}

/// The server, and what the worker is told.
#[derive(Clone)]
pub struct Options {
    redis: RedisStreams,
    retry: RetryPolicy,
    concurrency: u32,
    claim_after: Duration,
}

/// How many entries are pending, the first and the last, and each consumer's number.
type Pending = (usize, Option<String>, Option<String>, Option<Vec<(String, String)>>);

impl Engine for Streams {
    type Options = Options;
    type Worker = RedisStreamsWorker;
    type DeadLetters = RedisDeadLetters;
    type Error = RedisStreamsError;
    type Broker = Server;

    const CANNOT: &'static [(&'static str, &'static str)] = &[(
        "an_event_can_be_sent_again_after_its_dead_letter_was_deleted",
        "the record of the event is in the server, where every receiver finds it",
    )];
    const IS_ATOMIC: bool = true;
    const LEDGER: Load = Load { singles: 500, batches: 50, spread: Duration::from_secs(8) };
    const LONG_LEDGER: Load =
        Load { singles: 9_000, batches: 1_000, spread: Duration::from_secs(90) };

    async fn shared(_: &'static str) -> Self {
        Self::alone().await
    }

    async fn alone() -> Self {
        let server = Server::durable().await;
        let redis = RedisStreams::connect(&server.url()).await.expect("a durable server");
        Self { server, redis }
    }

    fn broker(&self) -> &Server {
        &self.server
    }

    async fn kill(&self) {
        self.server.kill();
    }

    async fn up(&self) {
        self.server.restart().await;
    }

    async fn entries(&self) -> usize {
        usize::try_from(depth(&self.redis).await).expect("few")
    }

    async fn in_hand(&self) -> usize {
        let pending: Pending = self.server.command(&["XPENDING", QUEUE, "workers"]).await;
        pending.0
    }

    async fn publish(&self, foreign: Foreign) -> Option<String> {
        let envelope = match foreign {
            Foreign::Unreadable => "?",
            Foreign::Newer => r#"{"version":9}"#,
        };
        self.server.command::<String>(&["XADD", QUEUE, "*", "envelope", envelope]).await;
        // A dead letter has another.
        None
    }

    async fn hurry(&self) -> bool {
        let delayed = "{tickets}:queue:delayed";
        let members: Vec<String> = self.server.command(&["ZRANGE", delayed, "0", "-1"]).await;
        for member in members {
            self.server.command::<u32>(&["ZADD", delayed, "XX", "1", &member]).await;
        }
        true
    }

    fn address(&self) -> String {
        self.server.url()
    }

    fn options(&self) -> Options {
        options(self.redis.clone())
    }

    async fn options_at(address: &str, _: &str) -> Result<Options, RedisStreamsError> {
        Ok(options(RedisStreams::connect(address).await?))
    }

    fn retry(options: Options, retry: RetryPolicy) -> Options {
        Options { retry, ..options }
    }

    fn concurrency(options: Options, handlers: u16) -> Options {
        Options { concurrency: handlers.into(), ..options }
    }

    /// A worker that vanishes counts as an attempt.
    fn crashing(options: Options) -> Options {
        let retry = RetryPolicy::new().first(Duration::from_millis(200)).attempts(3);
        Self::retry(options, retry)
    }

    fn enduring(options: Options) -> Options {
        Self::retry(options, RetryPolicy::new().first(Duration::from_millis(100)))
    }

    fn impatient(options: Options) -> (Options, Duration) {
        let claim_after = options.claim_after;
        (options, claim_after)
    }

    async fn receiver(options: &Options, _: impl Store) -> Result<Router, RedisStreamsError> {
        Ok(receiver::app(options.redis.queue(), options.redis.store()))
    }

    async fn worker(
        options: &Options,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
    ) -> Result<RedisStreamsWorker, RedisStreamsError> {
        let worker = options.redis.worker(&scope()).retry(options.retry).observer(observer);
        Ok(worker.concurrency(options.concurrency).claim_after(options.claim_after))
    }

    async fn run<F>(
        worker: RedisStreamsWorker,
        once: Once,
        handler: impl Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        stop: impl Future<Output = ()> + Send,
    ) where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        worker.run(&once, handler, stop).await;
    }

    async fn dead_letters(options: &Options) -> Result<RedisDeadLetters, RedisStreamsError> {
        Ok(options.redis.dead_letters(&scope()))
    }

    engine_dead_letters!(RedisDeadLetters, RedisStreamsError);
}

fn options(redis: RedisStreams) -> Options {
    let claim_after = Duration::from_secs(1);
    Options { redis, retry: RetryPolicy::new(), concurrency: 16, claim_after }
}
