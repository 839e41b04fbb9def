//! Compares the Redis store with the deduplication that most people write, `SET id 1 NX EX`, over one
//! connection each, and measures how much memory a delivery takes in the server:
//!
//! ```sh
//! cargo run --release --bin redis_store
//! ```
//!
//! The benchmark starts its own redis-server. A delivery is the claim and the completion of a new
//! one, which takes two round trips. The plain way takes one.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, Fingerprint, RedisStore, Scope};
use nevent_webhooks::{DeliveryId, ReplayKey, Store};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

const PER_ROUND: u32 = 50_000;
const ROUNDS: usize = 7;
const MILLION: u32 = 1_000_000;

#[tokio::main]
async fn main() {
    let server = Server::start().await;
    println!("{PER_ROUND} deliveries, median of {ROUNDS} rounds (least – most)\n");
    println!("at once {:>32} {:>32} {:>8}", "plain, thousand/s", "ours, thousand/s", "ratio");
    for at_once in [1, 16, 64, 256] {
        speed(&server, at_once).await;
    }
    println!();
    memory(&server).await;
}

async fn speed(server: &Server, at_once: u32) {
    let store = RedisStore::connect(&server.url).await.expect("a server");
    let plain = server.connection().await;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        server.command("FLUSHALL").await;
        let connection = plain.clone();
        let plainly = per_second(at_once, move |n| set_if_new(connection.clone(), n)).await;
        server.command("FLUSHALL").await;
        let store = store.clone();
        let safely = per_second(at_once, move |n| handle(store.clone(), n, true)).await;
        ratios.push(safely / plainly);
        theirs.push(plainly / 1000.0);
        ours.push(safely / 1000.0);
    }
    let [plain, ours, ratio] = [theirs, ours, ratios].map(spread);
    println!("{at_once:>7} {plain:>32} {ours:>32}   {ratio}");
}

async fn memory(server: &Server) {
    let store = RedisStore::connect(&server.url).await.expect("a server");
    for (what, signed) in [("completed", false), ("completed, and its signature", true)] {
        server.command("FLUSHALL").await;
        let before = server.used_memory().await;
        let store = store.clone();
        run(MILLION, 64, move |n| handle(store.clone(), n, signed)).await;
        let bytes = (server.used_memory().await - before) / f64::from(MILLION);
        println!("{bytes:>7.0} bytes for each of {MILLION} deliveries: {what}");
    }
}

async fn handle(store: RedisStore, n: u32, signed: bool) {
    let id = DeliveryId::new(delivery(n)).expect("an id");
    let scope = Scope::new("tickets").expect("a scope");
    let mut claim = Claim::new(scope, id, Fingerprint::of(&n.to_be_bytes()));
    if signed {
        claim.replay_keys = [ReplayKey::from_bytes(claim.token.to_bytes())].into();
    }
    let answer = store.claim(&claim).await.expect("a server");
    assert_eq!(answer, ClaimAnswer::Acquired);
    let completion = store.complete(&claim).await.expect("a server");
    assert_eq!(completion, Completion::Recorded);
}

async fn set_if_new(mut connection: MultiplexedConnection, n: u32) {
    let mut set = redis::cmd("SET");
    set.arg(format!("nevent:{}", delivery(n))).arg(1).arg("NX").arg("EX").arg(86_400);
    set.exec_async(&mut connection).await.expect("a server");
}

/// An id in the form of Nevent's ids, a UUID.
fn delivery(n: u32) -> String {
    format!("{n:08x}-89ab-cdef-0123-456789abcdef")
}

async fn per_second<F>(at_once: u32, deliver: impl Fn(u32) -> F + Send + Sync + 'static) -> f64
where
    F: Future<Output = ()> + Send,
{
    let begun = Instant::now();
    run(PER_ROUND, at_once, deliver).await;
    f64::from(PER_ROUND) / begun.elapsed().as_secs_f64()
}

async fn run<F>(deliveries: u32, at_once: u32, deliver: impl Fn(u32) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send,
{
    let (next, deliver) = (Arc::new(AtomicU32::new(0)), Arc::new(deliver));
    let tasks: Vec<_> = (0..at_once)
        .map(|_| {
            let (next, deliver) = (Arc::clone(&next), Arc::clone(&deliver));
            tokio::spawn(async move {
                loop {
                    match next.fetch_add(1, Ordering::Relaxed) {
                        n if n < deliveries => deliver(n).await,
                        _ => return,
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}

/// The median, with the least and the largest figure.
fn spread(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let (least, most) = (figures[0], figures[figures.len() - 1]);
    format!("{:.2} ({least:.2} – {most:.2})", figures[figures.len() / 2])
}

/// A redis-server without persistence, killed when dropped.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let port = port.port().to_string();
        let process = Command::new("redis-server")
            .args(["--port", &port, "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed (apt-get install redis-server)");
        let server = Self { process, url: format!("redis://127.0.0.1:{port}") };
        while redis::Client::open(&*server.url).and_then(|c| c.get_connection()).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server
    }

    async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(&*self.url).expect("a URL");
        // Deleting a million keys takes longer than the default timeout.
        let patient = AsyncConnectionConfig::new().set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&patient).await.expect("a server")
    }

    async fn command(&self, name: &str) {
        redis::cmd(name).exec_async(&mut self.connection().await).await.expect("a server");
    }

    async fn used_memory(&self) -> f64 {
        let mut connection = self.connection().await;
        let info: String = redis::cmd("INFO").query_async(&mut connection).await.expect("a server");
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        used.and_then(|used| used.parse().ok()).expect("INFO contains it")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
