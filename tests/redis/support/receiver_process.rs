use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use axum::http::StatusCode;
use axum::{Router, routing::post};
use nevent_webhooks::store::{RedisOptions, RedisSource, RedisStore};
use nevent_webhooks::{
    DedupeLayer, DedupeOptions, Delivery, Verifier, VerifyLayer, WebhookMiddleware,
};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::Ledger;
use super::process::Process;
use super::secrets::{SECRET, secret};

/// A receiver in a process of its own, which writes each run of a handler to the
/// ledger. Killed when dropped.
pub struct ReceiverProcess {
    process: Process,
    address: SocketAddr,
    reader: Option<JoinHandle<()>>,
}

/// The lease in these processes by default. Real leases would take half a minute to expire.
pub const LEASE: Duration = Duration::from_millis(1500);

/// The configuration of a receiver.
#[derive(Clone)]
pub struct Plan {
    pub redis_url: String,
    pub address: SocketAddr,
    /// Handlers take so long.
    pub handler: Duration,
    /// One run of so many fails.
    pub fails_one_of: u64,
    pub lease: Duration,
    /// The handler of the delivery `blocker` blocks its thread, and so all of the receiver,
    /// for so long.
    pub blocks_for: Duration,
    /// Instead of axum.
    pub on_actix: bool,
}

impl Plan {
    pub fn new(redis_url: &str) -> Self {
        Self {
            redis_url: redis_url.to_owned(),
            address: ([127, 0, 0, 1], 0).into(),
            handler: Duration::ZERO,
            fails_one_of: u64::MAX,
            lease: LEASE,
            blocks_for: Duration::ZERO,
            on_actix: false,
        }
    }
}

impl ReceiverProcess {
    /// Handlers take so long.
    pub fn start(redis_url: &str, handler: Duration, ledger: &Ledger) -> Self {
        Self::of(&Plan { handler, ..Plan::new(redis_url) }, ledger)
    }

    pub fn of(plan: &Plan, ledger: &Ledger) -> Self {
        // This very program, running the one test that is a receiver.
        let this = std::env::current_exe().expect("this test's path");
        let mut process = Command::new(this)
            // With a single thread the test's name would stand on the first line that it says.
            .args([
                "--exact",
                "support::receiver_process::serve",
                "--nocapture",
                "--test-threads=2",
            ])
            .env("RECEIVER_REDIS_URL", &plan.redis_url)
            .env("RECEIVER_ADDRESS", plan.address.to_string())
            .env("RECEIVER_HANDLER_MS", plan.handler.as_millis().to_string())
            .env("RECEIVER_FAILS_ONE_OF", plan.fails_one_of.to_string())
            .env("RECEIVER_LEASE_MS", plan.lease.as_millis().to_string())
            .env("RECEIVER_ON_ACTIX", plan.on_actix.to_string())
            .env("RECEIVER_BLOCKS_MS", plan.blocks_for.as_millis().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test runs");
        let (said, listening) = mpsc::channel();
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let ledger = ledger.clone();
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match line.split_once(' ') {
                    Some(("listening", address)) => said.send(address.parse()).expect("awaited"),
                    Some(("begun", id)) => ledger.begun(id),
                    Some(("done", id)) => ledger.done(id),
                    _ => {}
                }
            }
        });
        let address = listening.recv_timeout(Duration::from_secs(20)).expect("it listens");
        Self {
            process: Process(process),
            address: address.expect("an address"),
            reader: Some(reader),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`. All that it wrote is in the ledger afterwards.
    pub fn kill(&mut self) {
        self.process.kill();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    /// Stops it, like a machine that is suspended.
    pub fn pause(&self) {
        self.process.signal("-STOP");
    }

    pub fn resume(&self) {
        self.process.signal("-CONT");
    }

    /// Bytes of resident memory.
    pub fn memory(&self) -> u64 {
        self.process.memory()
    }
}

impl Drop for ReceiverProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test of its own: a [`ReceiverProcess`] runs it. Among the other tests it does nothing.
#[tokio::test]
async fn serve() {
    let Ok(redis_url) = std::env::var("RECEIVER_REDIS_URL") else {
        return;
    };
    let (handler, lease) = (told("HANDLER_MS"), Duration::from_millis(told("LEASE_MS")));
    let blocks_for = Duration::from_millis(told("BLOCKS_MS"));
    let (fails_one_of, runs) = (told::<u64>("FAILS_ONE_OF"), AtomicU64::new(1));
    let source: RedisSource = redis_url.parse().expect("a URL");
    let redis = RedisOptions::new().command_timeout((lease / 5).max(Duration::from_millis(100)));
    let store = RedisStore::open(source, redis).await.expect("a server");
    let options = DedupeOptions::new().lease(lease).response_deadline(lease / 3);
    let options = options.store_timeout(lease * 4 / 15);
    let verify = VerifyLayer::new(Verifier::new(secret(SECRET)));
    let dedupe = DedupeLayer::with_options("tickets", store, options).expect("safe options");
    let handle = move |delivery: Delivery| {
        let fails = runs.fetch_add(1, Ordering::Relaxed) % fails_one_of == 0;
        async move {
            say("begun", delivery.id());
            if delivery.id().as_str() == "blocker" {
                thread::sleep(blocks_for);
            }
            sleep(Duration::from_millis(handler)).await;
            if fails {
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            say("done", delivery.id());
            StatusCode::OK
        }
    };
    let handle = Arc::new(handle);
    let handle = move |delivery: Delivery| handle(delivery);
    if told("ON_ACTIX") {
        return serve_on_actix((verify, dedupe), handle).await;
    }
    let app = Router::new().route("/", post(handle).route_layer((verify, dedupe)));
    let listener = TcpListener::bind(told::<SocketAddr>("ADDRESS")).await.expect("a port");
    say("listening", listener.local_addr().expect("an address"));
    axum::serve(listener, app).await.expect("axum serves");
}

/// In one worker. The store's connection stays with the runtime that waits for it.
async fn serve_on_actix<F: Future<Output = StatusCode>>(
    (verify, dedupe): (VerifyLayer, DedupeLayer),
    handle: impl Fn(Delivery) -> F + Clone + Send + 'static,
) {
    let server = move || {
        let server = HttpServer::new(move || {
            let handle = handle.clone();
            let handle = move |delivery| {
                let handled = handle(delivery);
                async move {
                    let status = actix_web::http::StatusCode::from_u16(handled.await.as_u16());
                    HttpResponse::build(status.expect("a status")).finish()
                }
            };
            let layers = WebhookMiddleware::new(&verify, &dedupe);
            App::new().route("/", web::post().to(handle).wrap(layers))
        });
        let server = server.workers(1).disable_signals();
        let server = server.bind(told::<SocketAddr>("ADDRESS")).expect("a port");
        say("listening", server.addrs()[0]);
        actix_web::rt::System::new().block_on(server.run())
    };
    tokio::task::spawn_blocking(server).await.expect("no panic").expect("actix serves");
}

fn told<T: FromStr<Err: Debug>>(what: &str) -> T {
    let told = std::env::var(format!("RECEIVER_{what}")).expect("told by who started it");
    told.parse().expect("as it was written")
}

/// One write, which a kill does not cut.
fn say(what: &str, of: impl std::fmt::Display) {
    let line = format!("{what} {of}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("who started it listens");
}
