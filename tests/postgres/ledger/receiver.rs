use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::post};
use nevent_webhooks::store::{PostgresOptions, PostgresStore};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{
    Batch, BatchReport, ClaimHandle, DedupeLayer, DedupeOptions, Delivery, Event, Rejection,
    Verifier, VerifyLayer,
};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::book::Book;
use crate::support::process::Process;
use crate::support::{Effects, SECRET, secrets, sell, unavailable};

/// A receiver in a process of its own. Killed when dropped.
pub struct ReceiverProcess {
    process: Process,
    address: SocketAddr,
    url: String,
    asynchronous_claims: bool,
    book: Book,
    reader: Option<JoinHandle<()>>,
}

const LEASE: Duration = Duration::from_secs(2);

/// Long enough that a receiver that is stopped has most of its handlers between effect and commit.
const WORK: Duration = Duration::from_millis(100);

impl ReceiverProcess {
    /// At this address, or any.
    pub fn start(
        url: &str,
        asynchronous_claims: bool,
        address: Option<SocketAddr>,
        book: &Book,
    ) -> Self {
        // This very program, running the one test that is a receiver.
        let this = std::env::current_exe().expect("this test's path");
        let process = Command::new(this)
            // With a single thread the test's name would stand on the first line that it says.
            .args(["--exact", "ledger::receiver::serve", "--nocapture", "--test-threads=2"])
            .env("RECEIVER_URL", url)
            .env("RECEIVER_ASYNCHRONOUS", asynchronous_claims.to_string())
            .env("RECEIVER_ADDRESS", address.map_or("127.0.0.1:0".into(), |at| at.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test runs");
        let mut process = Process(process);
        let (said, listening) = mpsc::channel();
        let lines = BufReader::new(process.0.stdout.take().expect("piped")).lines();
        let counted = book.clone();
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match line.split_once(' ') {
                    Some(("listening", address)) => said.send(address.parse()).expect("awaited"),
                    Some(("fenced", _)) => counted.fenced(),
                    _ => {}
                }
            }
        });
        let address = listening.recv_timeout(Duration::from_secs(30)).expect("it listens");
        let address = address.expect("an address");
        let (url, book, reader) = (url.to_owned(), book.clone(), Some(reader));
        Self { process, address, url, asynchronous_claims, book, reader }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`. All that it wrote is in the book afterwards.
    pub fn kill(&mut self) {
        self.process.kill();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    pub fn kill_and_restart(&mut self) {
        self.kill();
        let (asynchronous, address) = (self.asynchronous_claims, Some(self.address));
        *self = Self::start(&self.url, asynchronous, address, &self.book);
    }

    /// Stops it, like a machine that is suspended.
    pub fn pause(&self) {
        self.process.signal("-STOP");
    }

    pub fn resume(&self) {
        self.process.signal("-CONT");
    }
}

impl Drop for ReceiverProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test of its own: a [`ReceiverProcess`] runs it. Among the other tests it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve() {
    let Ok(url) = std::env::var("RECEIVER_URL") else { return };
    let address = std::env::var("RECEIVER_ADDRESS").expect("told by who started it");
    let listener = TcpListener::bind(address).await.expect("a port");
    say("listening", listener.local_addr().expect("an address"));
    let asynchronous = std::env::var("RECEIVER_ASYNCHRONOUS").is_ok_and(|is| is == "true");
    let (store, plain_store) = (connected(&url, asynchronous).await, connected(&url, false).await);
    let options = || {
        let options = DedupeOptions::new().lease(LEASE).response_deadline(LEASE / 3);
        options.store_timeout(LEASE * 4 / 15)
    };
    let verify = VerifyLayer::new(Verifier::new(secrets::secret(SECRET)));
    let layers = |scope: &str| {
        // Claims that a crash may lose are safe only if the handler commits.
        let store = if scope == "plain" { &plain_store } else { &store };
        let dedupe = DedupeLayer::with_options(scope, store.clone(), options());
        (verify.clone(), dedupe.expect("safe options"))
    };
    let app = Router::new()
        .route("/commit", post(commit).route_layer(layers("commit")))
        .route("/plain", post(plain).route_layer(layers("plain")))
        .route("/batch", post(batch).route_layer(layers("batch")))
        .with_state(Effects::later(&url, 60));
    axum::serve(listener, app).await.expect("axum serves");
}

/// A store, once the server is up.
async fn connected(url: &str, asynchronous_claims: bool) -> PostgresStore {
    loop {
        let options = PostgresOptions::new().command_timeout(LEASE / 5);
        let options = options.asynchronous_claims(asynchronous_claims);
        match PostgresStore::open(url, options).await {
            Ok(store) => return store,
            Err(_) => sleep(WORK / 4).await,
        }
    }
}

/// Effect and record in one transaction.
async fn commit(
    State(effects): State<Effects>,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    let claim = delivery.claim().expect("claimed");
    sell_and_commit(&effects, delivery.id().as_str(), claim).await?;
    Ok(StatusCode::OK)
}

/// The effect alone. The layer completes the delivery afterwards.
async fn plain(
    State(effects): State<Effects>,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    let mut client = effects.client().await?;
    let transaction = client.transaction().await.map_err(unavailable)?;
    sell(&transaction, delivery.id().as_str()).await?;
    sleep(WORK).await;
    transaction.commit().await.map_err(unavailable)?;
    Ok(StatusCode::OK)
}

async fn batch(State(effects): State<Effects>, batch: Batch) -> BatchReport {
    let each = move |event: Event, claim: ClaimHandle| {
        let effects = effects.clone();
        async move { sell_and_commit(&effects, &event.id, &claim).await }
    };
    batch.process_claimed(4, each).await
}

async fn sell_and_commit(
    effects: &Effects,
    id: &str,
    claim: &ClaimHandle,
) -> Result<(), Rejection> {
    let mut client = effects.client().await?;
    let transaction = client.transaction().await.map_err(unavailable)?;
    sell(&transaction, id).await?;
    sleep(WORK).await;
    let committed = claim.commit(transaction).await;
    if let Err(CompleteError::Lost | CompleteError::AlreadyCompleted) = committed {
        say("fenced", id);
    }
    Ok(committed?)
}

/// One write, which a kill does not cut.
fn say(what: &str, of: impl std::fmt::Display) {
    let line = format!("{what} {of}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("who started it listens");
}
