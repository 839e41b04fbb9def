use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::http::StatusCode;
use axum::{Router, routing::post};
use nevent_webhooks::store::RedisStore;
use nevent_webhooks::{DedupeLayer, DedupeOptions, Delivery, Secret, Verifier, VerifyLayer};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::{Ledger, SECRET};

/// A receiver in a process of its own, which writes each run of a handler to the
/// ledger. Killed when dropped.
pub struct ReceiverProcess {
    process: Child,
    address: SocketAddr,
    reader: Option<JoinHandle<()>>,
}

/// How long a lease is in these processes, and all that hangs on it: real leases
/// would take half a minute to lapse.
pub const LEASE: Duration = Duration::from_millis(1500);

pub fn options() -> DedupeOptions {
    let ms = Duration::from_millis;
    DedupeOptions::new().lease(LEASE).answer_deadline(ms(500)).store_timeout(ms(400))
}

impl ReceiverProcess {
    /// Handlers take so long.
    pub fn start(redis_url: &str, handler: Duration, ledger: &Ledger) -> Self {
        // This very program, running the one test that is a receiver.
        let this = std::env::current_exe().expect("this test's path");
        let mut process = Command::new(this)
            .args(["--exact", "support::receiver_process::serve", "--nocapture"])
            .env("RECEIVER_REDIS_URL", redis_url)
            .env("RECEIVER_HANDLER_MS", handler.as_millis().to_string())
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
        Self { process, address: address.expect("an address"), reader: Some(reader) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`. All that it wrote is in the ledger afterwards.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    /// What it holds in memory, in bytes.
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("Linux tells it");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("kilobytes") * 1024
    }
}

impl Drop for ReceiverProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// No test: what a [`ReceiverProcess`] runs. Among the others it does nothing.
#[tokio::test]
async fn serve() {
    let Ok(redis_url) = std::env::var("RECEIVER_REDIS_URL") else {
        return;
    };
    let handler = std::env::var("RECEIVER_HANDLER_MS").expect("a duration");
    let handler = Duration::from_millis(handler.parse().expect("milliseconds"));
    let store = RedisStore::connect(&redis_url).await.expect("a server");
    let verify = VerifyLayer::new(Verifier::new(Secret::new(SECRET).expect("a secret")));
    let dedupe = DedupeLayer::with_options("tickets", store, options()).expect("safe options");
    let handle = move |delivery: Delivery| async move {
        say("begun", delivery.id());
        sleep(handler).await;
        say("done", delivery.id());
        StatusCode::OK
    };
    let app = Router::new().route("/", post(handle).route_layer((verify, dedupe)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    say("listening", listener.local_addr().expect("an address"));
    axum::serve(listener, app).await.expect("axum serves");
}

/// One write, which a kill does not cut.
fn say(what: &str, of: impl std::fmt::Display) {
    let line = format!("{what} {of}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("who started it listens");
}
