//! Deliveries through kills of receivers, workers and the server: at the end every event has its effect,
//! exactly once.

use std::future::pending;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::postgres::{PostgresOptions, PostgresQueue, PostgresWorker};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

use crate::servers::Server;
use crate::servers::bouncer::Bouncer;
use crate::support::ledger::{self, Load, Programs, Shop, only_hand_over, serve, simulate};
use crate::support::program::{is_program, say, told};
use crate::support::receiver::short_lease;
use crate::support::{PATIENCE, eventually};
use crate::work::{Work, own_server};

/// A server that is killed in two ways in turn.
struct Crashing {
    _alone: MutexGuard<'static, ()>,
    /// In front of the server, for the receivers.
    bouncer: Bouncer,
    server: Mutex<Server>,
    options: PostgresOptions,
    crashes: AtomicUsize,
}

impl Crashing {
    async fn start() -> Self {
        // One ledger at a time: each has six processes, and kills them.
        static ALONE: Mutex<()> = Mutex::const_new(());
        let alone = ALONE.lock().await;
        let (server, options) = own_server(&["max_connections=200"]).await;
        let server = Mutex::new(server);
        let settings = ["default_pool_size=8", "server_login_retry=0.2"];
        let bouncer = Bouncer::before(&*server.lock().await, &settings).await;
        Self {
            _alone: alone,
            bouncer,
            server,
            options: quick(options),
            crashes: AtomicUsize::default(),
        }
    }

    async fn programs(&self) -> Programs {
        let (server, bouncer) = (self.server.lock().await.url(), self.bouncer.url());
        let environment = vec![("SERVER".to_owned(), server), ("BOUNCER".to_owned(), bouncer)];
        Programs { receiver: "ledger::receiver", worker: "ledger::worker", environment }
    }

    async fn entries(&self) -> i64 {
        let client = self.server.lock().await.client().await;
        let count = "SELECT count(*) FROM nevent_webhooks.entries";
        client.query_one(count, &[]).await.expect("a table").get(0)
    }
}

impl ledger::Broker for Crashing {
    async fn crash_and_restart(&self) {
        let mut server = self.server.lock().await;
        if self.crashes.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return server.crash_and_restart().await;
        }
        // One of its processes is killed. The server then ends all of them, and recovers.
        let writer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'";
        let client = server.client().await;
        let row = client.query_one(writer, &[]).await.expect("a server");
        let killed = Command::new("kill").args(["-9", &row.get::<_, i32>(0).to_string()]).status();
        assert!(killed.expect("kill").success());
        eventually("the server ends its connections", async || client.is_closed()).await;
        let url = server.url();
        eventually("the server is back", async || {
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_ok()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_or_repeated() {
    let load = Load { singles: 300, batches: 15, spread: Duration::from_secs(6) };
    check(&load, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn no_event_of_ten_thousand_deliveries_is_lost_or_repeated() {
    let load = Load { singles: 9_500, batches: 500, spread: Duration::from_secs(150) };
    check(&load, 5).await;
}

async fn check(load: &Load, at_least_crashes: usize) {
    let crashing = Crashing::start().await;
    let programs = crashing.programs().await;
    let balance = simulate(load, &crashing, &programs).await;
    let crashes = crashing.crashes.load(Ordering::Relaxed);
    println!("{crashes} crashes of the server, {balance:?}");
    assert!(balance.lost.is_empty() && balance.repeated.is_empty(), "{balance:?}");
    assert!(crashes >= at_least_crashes, "{balance:?}");
    // A last worker takes what the killed workers had in flight.
    let work = Work::start(&crashing.options, |_| false).await;
    eventually("the table is empty", async || crashing.entries().await == 0).await;
    println!("{} entries were left", work.count());
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_exactly_one_entry_through_kills() {
    let crashing = Crashing::start().await;
    let programs = crashing.programs().await;
    let load = Load { singles: 100, batches: 6, spread: Duration::from_secs(3) };
    let (events, requests) = only_hand_over(&load, &crashing, &programs).await;
    println!("{events} events in {requests} requests");
    let client = crashing.server.lock().await.client().await;
    let count = "SELECT count(*), count(DISTINCT id) FROM nevent_webhooks.entries";
    let row = client.query_one(count, &[]).await.expect("a table");
    let events = i64::try_from(events).expect("few");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (events, events));
}

fn quick(options: PostgresOptions) -> PostgresOptions {
    let retry =
        RetryPolicy::new().first(Duration::from_millis(500)).longest(Duration::from_secs(2));
    // Each kill counts for all entries in flight. The lease is longer than that of `Once`.
    let options = options.retry(retry.attempts(1_000)).delivery_limit(1_000);
    let options = options.lease(Duration::from_millis(2_500)).connections(3);
    options.poll_every(Duration::from_millis(200)).timeout(Duration::from_secs(5))
}

/// As soon as the server, which may be recovering, is there.
async fn connected<T, E: std::fmt::Display>(mut connect: impl AsyncFnMut() -> Result<T, E>) -> T {
    let begun = Instant::now();
    loop {
        match connect().await {
            Ok(connected) => return connected,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "no connection: {error}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn receiver() {
    if !is_program() {
        return;
    }
    // Through PgBouncer, which holds their connections while the server is away. The server starts a
    // process for each attempt to connect. A busy machine would do nothing else.
    let options = quick(crate::work::options(&told("BOUNCER")));
    let store = connected(async || options.store().await).await;
    let queue = connected(async || PostgresQueue::connect(&options).await).await;
    serve(queue, store).await;
}

/// Its effects and records are in a SQLite file, as those of the other engines' ledgers.
#[tokio::test]
async fn worker() {
    if !is_program() {
        return;
    }
    let (shop, options) = (Shop::told().await, quick(crate::work::options(&told("SERVER"))));
    let worker = connected(async || PostgresWorker::connect(&options).await).await;
    let once = Once::with_options("work", shop.store.clone(), short_lease()).expect("safe options");
    say("ready");
    let sell = move |envelope: Envelope, claim: ClaimHandle| shop.clone().sell(envelope, claim);
    worker.run(&once, sell, pending()).await;
}
