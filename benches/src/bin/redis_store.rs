//! Measures the Redis store beside two pairs of commands over the same client: bare `SET NX PX`,
//! and scripts that do nothing.
//!
//! ```sh
//! cargo run --release --bin redis_store
//! cargo run --release --bin redis_store count store 10000   # under callgrind: that work, and no more
//! ```
//!
//! A delivery is the claim and the completion of a new one, whose signed bytes never came before. The
//! benchmark starts its own redis-server. All contestants make two round trips for a delivery, over one
//! connection of the `redis` crate.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, Fingerprint, RedisStore, Scope};
use nevent_webhooks::{DeliveryId, ReplayKey, Store};
use nevent_webhooks_benches::rounds::Figure;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd};

const PER_ROUND: u32 = 30_000;
const ROUNDS: usize = 9;
const MILLION: u32 = 1_000_000;
const CONTESTANTS: [&str; 3] = ["sets", "scripts", "store"];
/// The clock ticks per second of `/proc/PID/stat`, on every Linux that Rust knows.
const TICKS: f64 = 100.0;

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let server = Server::start().await;
    let clients = Clients::of(&server).await;
    if let [what, contestant, times] = &arguments[..]
        && what == "count"
    {
        return clients.work(contestant, times.parse().expect("a number"), 64).await;
    }
    println!("Deliveries per second, thousands, and ratios within one round: median (quartiles) of");
    println!("{ROUNDS} rounds of {PER_ROUND}.\n");
    println!("| at once | two `SET NX PX` | two empty scripts | store | store / sets | store / scripts |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut cpu = Vec::new();
    for at_once in [1, 16, 64, 256] {
        cpu.push((at_once, speed(&server, &clients, at_once).await));
    }
    println!("\nCPU time per delivery, microseconds.\n");
    println!("| at once | of | two `SET NX PX` | two empty scripts | store |");
    println!("| --- | --- | --- | --- | --- |");
    for (at_once, cpu) in cpu {
        let row = |which: usize| cpu.map(|both| format!("{:.1}", both[which])).join(" | ");
        println!("| {at_once} | server | {} |\n| | client | {} |", row(0), row(1));
    }
    memory(&server, &clients).await;
}

/// Prints a row of the first table, and returns the CPU time per delivery of server and client.
async fn speed(server: &Server, clients: &Clients, at_once: u32) -> [[f64; 2]; 3] {
    let mut speeds: [Vec<f64>; 3] = Default::default();
    let mut cpu = [[0.0; 2]; 3];
    let deliveries = if at_once == 1 { PER_ROUND / 5 } else { PER_ROUND };
    for round in 0..=ROUNDS {
        for turn in 0..CONTESTANTS.len() {
            let which = (round + turn) % CONTESTANTS.len();
            server.command("FLUSHALL").await;
            let (before, begun) = (server.cpu_of_both(), Instant::now());
            clients.work(CONTESTANTS[which], deliveries, at_once).await;
            // The first round warms up.
            if round > 0 {
                speeds[which].push(f64::from(deliveries) / begun.elapsed().as_secs_f64() / 1e3);
                for (sum, (after, before)) in
                    cpu[which].iter_mut().zip(server.cpu_of_both().into_iter().zip(before))
                {
                    *sum += (after - before) * 1e6 / f64::from(deliveries) / ROUNDS as f64;
                }
            }
        }
    }
    let ratio = |to: usize| {
        let ratios = speeds[2].iter().zip(&speeds[to]).map(|(own, other)| own / other);
        Figure::of(ratios.collect())
    };
    let ratios = [ratio(0), ratio(1)].map(|ratio| format!("{ratio:.2}")).join(" | ");
    let speeds = speeds.clone().map(|of| format!("{:.1}", Figure::of(of))).join(" | ");
    println!("| {at_once} | {speeds} | {ratios} |");
    cpu
}

async fn memory(server: &Server, clients: &Clients) {
    println!("\nThe server's memory, bytes for each of {MILLION} deliveries.\n");
    println!("| completed | completed, and its signature fresh |\n| --- | --- |");
    let mut row = Vec::new();
    for contestant in ["store, unsigned", "store"] {
        server.command("FLUSHALL").await;
        let before = server.used_memory().await;
        clients.work(contestant, MILLION, 64).await;
        let bytes = (server.used_memory().await - before) / f64::from(MILLION);
        row.push(format!("{bytes:.0}"));
    }
    println!("| {} |", row.join(" | "));
}

/// What the contestants work with.
#[derive(Clone)]
struct Clients {
    store: RedisStore,
    connection: MultiplexedConnection,
    /// The hash of a script that does nothing.
    script: String,
}

impl Clients {
    async fn of(server: &Server) -> Self {
        let store = RedisStore::connect(&server.url).await.expect("a server");
        let mut connection = server.connection().await;
        let mut load = redis::cmd("SCRIPT");
        let load = load.arg("LOAD").arg("return 1");
        let script = load.query_async(&mut connection).await.expect("a server");
        Self { store, connection, script }
    }

    /// Works through so many deliveries, so many at once.
    async fn work(&self, contestant: &str, deliveries: u32, at_once: u32) {
        let this = self.clone();
        match contestant {
            "sets" => run(deliveries, at_once, move |n| this.clone().two_sets(n)).await,
            "scripts" => run(deliveries, at_once, move |n| this.clone().two_scripts(n)).await,
            "store" => run(deliveries, at_once, move |n| this.clone().deliver(n, true)).await,
            _ => run(deliveries, at_once, move |n| this.clone().deliver(n, false)).await,
        }
    }

    async fn two_sets(mut self, n: u32) {
        for (kind, millis) in [('d', 30_000), ('r', 86_400_000)] {
            let mut set = redis::cmd("SET");
            set.arg(format!("nevent:{kind}{}", delivery(n))).arg(1).arg("NX").arg("PX").arg(millis);
            self.send(&set).await;
        }
    }

    /// With keys and arguments as long as the store's.
    async fn two_scripts(mut self, n: u32) {
        let record = format!("nevent:{{tickets}}d{}", delivery(n));
        let replay = format!("nevent:{{tickets}}r{n:016x}");
        let (value, id) = ([b'x'; 38], delivery(n));
        let mut claim = redis::cmd("EVALSHA");
        claim.arg(&self.script).arg(2).arg(&record).arg(replay);
        self.send(claim.arg(&value).arg(30_000).arg(id).arg(660_000)).await;
        let mut complete = redis::cmd("EVALSHA");
        complete.arg(&self.script).arg(1).arg(record);
        self.send(complete.arg(&value).arg(86_400_000)).await;
    }

    async fn send(&mut self, command: &Cmd) {
        command.exec_async(&mut self.connection).await.expect("a server");
    }

    async fn deliver(self, n: u32, signed: bool) {
        let id = DeliveryId::new(delivery(n)).expect("an id");
        let scope = Scope::new("tickets").expect("a scope");
        let mut claim = Claim::new(scope, id, Fingerprint::of(&n.to_be_bytes()));
        if signed {
            claim.replay_keys = [ReplayKey::from_bytes(claim.token.to_bytes())].into();
        }
        let answer = self.store.claim(&claim).await.expect("a server");
        assert_eq!(answer, ClaimAnswer::Acquired);
        let completion = self.store.complete(&claim).await.expect("a server");
        assert_eq!(completion, Completion::Recorded);
    }
}

/// An id in the form of Nevent's ids, a UUID.
fn delivery(n: u32) -> String {
    format!("{n:08x}-89ab-cdef-0123-456789abcdef")
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

    /// The CPU time of the server and of this process, in seconds.
    fn cpu_of_both(&self) -> [f64; 2] {
        [self.process.id(), std::process::id()].map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux");
            // The second field is a name in brackets, which may contain spaces.
            let fields = stat.rsplit_once(')').expect("a name").1.split_ascii_whitespace();
            fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("ticks") / TICKS).sum()
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
