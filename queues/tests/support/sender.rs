//! The sender: it signs each delivery, repeats it until it is answered 2xx, and sends some twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::testing::SignedDelivery;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::receiver::secret;

/// A delivery of one event, or of a batch.
#[derive(Debug, Clone)]
pub struct Sent {
    pub id: String,
    pub body: String,
    /// The events in it.
    pub events: Vec<String>,
}

impl Sent {
    pub fn single(number: u32) -> Self {
        let event = format!("evt_single_{number}");
        Self { id: format!("single-{number}"), body: event_json(&event), events: vec![event] }
    }

    /// Ten events, of which the next batch has the last five, too.
    pub fn batch(number: u32) -> Self {
        let numbers = number * 5..number * 5 + 10;
        let events: Vec<String> = numbers.map(|event| format!("evt_batch_{event}")).collect();
        let bodies: Vec<_> = events.iter().map(|event| event_json(event)).collect();
        Self { id: format!("batch-{number}"), body: format!("[{}]", bodies.join(",")), events }
    }
}

pub fn event_json(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"fan.created","created":1640995200,"data":{{}}}}"#)
}

/// Clones share everything.
#[derive(Clone)]
pub struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    receivers: Arc<Vec<SocketAddr>>,
    attempts: Arc<AtomicUsize>,
}

/// Shorter than the sender's, so that a test does not wait for a receiver that was stopped.
const ANSWER: Duration = Duration::from_secs(2);

impl Sender {
    pub fn new(receivers: Vec<SocketAddr>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, receivers: Arc::new(receivers), attempts: Arc::default() }
    }

    /// The number of requests so far.
    pub fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Repeats the delivery, to one receiver after the other, until it is answered 2xx.
    pub async fn deliver(&self, sent: &Sent) {
        self.until_accepted(&sent.id, &sent.body).await;
    }

    /// The same for any body.
    pub async fn until_accepted(&self, id: &str, body: &str) {
        let (begun, mut pause) = (Instant::now(), Duration::from_millis(20));
        loop {
            let (status, text) = self.attempt(id, body).await;
            if (200..300).contains(&status) {
                return;
            }
            let waited = begun.elapsed();
            assert!(waited < PATIENCE * 2, "{id} is never accepted: {status} {text}");
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// One request. Returns the answer's status and text, and 0 without an answer.
    pub async fn attempt(&self, id: &str, body: &str) -> (u16, String) {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        let receiver = self.receivers[number % self.receivers.len()];
        let delivery = SignedDelivery::new(&secret(), id, body);
        let mut request = Request::post(format!("http://{receiver}/webhooks/nevent"));
        for (name, value) in delivery.headers() {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body.to_owned())).expect("a request");
        let answered = timeout(ANSWER, async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status().as_u16();
            let text = response.into_body().collect().await.ok()?.to_bytes();
            Some((status, String::from_utf8_lossy(&text).into_owned()))
        });
        answered.await.ok().flatten().unwrap_or((0, "no answer".to_owned()))
    }
}
