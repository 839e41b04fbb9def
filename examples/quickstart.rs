//! Shows what a receiver does for you: starts one, sends it the requests that Nevent and an
//! attacker would send, and prints the responses.
//!
//! ```sh
//! cargo run --example quickstart
//! ```

use std::{collections::HashMap, error::Error, process::ExitCode, sync::Arc};

use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::{Router, routing::post};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{Clock, DELIVERY_HEADER, SIGNATURE_HEADER, Signer, SystemClock};
use nevent_webhooks::{DedupeLayer, Event, Secret, Verifier, VerifyLayer};
use tokio::{net::TcpListener, sync::Mutex};

/// The signing secret. Nevent shows yours when you set up a webhook. Keep it out of your source.
const SECRET: &str = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
const WRONG_SECRET: &str = "whsec_0aVnD4bWmTzq7RsuPyXc1LfEh";

/// How often the handler has run, by event id.
type Runs = Arc<Mutex<HashMap<String, u32>>>;

/// Your code goes here. Only genuine events reach it. A 2xx means "done, never again". Any
/// other status means "send it again later".
async fn handle(State(runs): State<Runs>, event: Event) -> (StatusCode, &'static str) {
    let mut runs = runs.lock().await;
    let run = runs.entry(event.id).or_default();
    *run += 1;
    match (event.event_type.as_str(), *run) {
        ("purchase.refunded", 1) => (StatusCode::INTERNAL_SERVER_ERROR, "Not this time"),
        _ => (StatusCode::OK, "Handled"),
    }
}

/// `verify` passes on deliveries that are genuine and fresh, `dedupe` those that were not
/// handled before. The receiver to copy is `axum.rs`, in this directory.
fn receiver(runs: &Runs) -> Result<Router, Box<dyn Error>> {
    let verify = VerifyLayer::new(Verifier::new(Secret::new(SECRET)?));
    let dedupe = DedupeLayer::new("quickstart", MemoryStore::new())?;
    let webhook = post(handle).route_layer((verify, dedupe));
    Ok(Router::new().route("/webhooks/nevent", webhook).with_state(Arc::clone(runs)))
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let runs = Runs::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/webhooks/nevent", listener.local_addr()?);
    let server = axum::serve(listener, receiver(&runs)?);
    tokio::spawn(server.into_future());

    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut sender = Sender { client, url, runs, as_expected: true };
    play(&mut sender).await?;
    Ok(if sender.as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(sender: &mut Sender) -> Result<(), Box<dyn Error>> {
    let now = SystemClock.unix_seconds();
    println!("{:28} | {:21} | handler ran | as expected?", "sent", "response");

    let first = sign(SECRET, now - 60, "evt_1", "purchase.completed")?;
    sender.send("a genuine delivery", "id-1", &first, "200 Handled", 1).await?;

    // If the response was lost, Nevent sends the delivery again a minute later.
    let retry = sign(SECRET, now, "evt_1", "purchase.completed")?;
    sender.send("its retry, signed afresh", "id-1", &retry, "200 Already processed", 1).await?;

    let forged = sign(WRONG_SECRET, now, "evt_2", "purchase.completed")?;
    sender.send("a forgery, wrong secret", "id-2", &forged, "401 Invalid signature", 0).await?;

    let stale = sign(SECRET, now - 301, "evt_3", "purchase.completed")?;
    sender.send("a stale one, 301 s old", "id-3", &stale, "401 Timestamp too old", 0).await?;

    // The signature does not cover the delivery id, so an attacker can change it.
    sender.send("the first, under another id", "id-4", &first, "200 Already processed", 1).await?;

    let unlucky = sign(SECRET, now - 60, "evt_5", "purchase.refunded")?;
    sender.send("one whose handler fails", "id-5", &unlucky, "500 Not this time", 1).await?;

    let retry = sign(SECRET, now, "evt_5", "purchase.refunded")?;
    sender.send("its retry", "id-5", &retry, "200 Handled", 2).await
}

/// The body of an event, and its signature as Nevent makes it.
struct Signed {
    event: &'static str,
    body: String,
    signature: String,
}

fn sign(secret: &str, at: i64, event: &'static str, kind: &str) -> Result<Signed, Box<dyn Error>> {
    let body = format!(
        r#"{{"id":"{event}","type":"{kind}","created":1,"data":{{}},"organization_id":"org_1"}}"#
    );
    let signature = Signer::new(&Secret::new(secret)?).header(at, body.as_bytes());
    Ok(Signed { event, body, signature })
}

/// Sends over real HTTP, and prints a line of the table for each request.
struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    runs: Runs,
    as_expected: bool,
}

impl Sender {
    async fn send(
        &mut self,
        sent: &str,
        delivery_id: &str,
        signed: &Signed,
        expected_response: &str,
        expected_runs: u32,
    ) -> Result<(), Box<dyn Error>> {
        let request = Request::post(&self.url)
            .header(SIGNATURE_HEADER, &signed.signature)
            .header(DELIVERY_HEADER, delivery_id)
            .body(Full::from(signed.body.clone()))?;
        let response = self.client.request(request).await?;
        let status = response.status().as_u16();
        let text = response.into_body().collect().await?.to_bytes();

        let response = format!("{status} {}", String::from_utf8_lossy(&text));
        let runs = self.runs.lock().await.get(signed.event).copied().unwrap_or(0);
        let ok = response == expected_response && runs == expected_runs;
        self.as_expected &= ok;
        let verdict = if ok { "ok" } else { "NOT AS EXPECTED" };
        println!("{sent:28} | {response:21} | {runs:^11} | {verdict}");
        Ok(())
    }
}
