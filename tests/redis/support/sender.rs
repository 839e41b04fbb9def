use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::{Clock, Signer, SystemClock};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Ledger;
use super::secrets::signer;

/// Plays Nevent: sends each delivery until it is answered 2xx, on Nevent's
/// schedule in compressed time, and writes down what it was answered.
#[derive(Clone)]
pub struct Sender(Arc<Inner>);

struct Inner {
    client: Client<HttpConnector, Full<Bytes>>,
    signer: Signer,
    receivers: Vec<SocketAddr>,
    next: AtomicUsize,
    minute: Duration,
    ledger: Ledger,
}

/// In minutes, each after the last attempt's failure.
const RETRIES: [u32; 5] = [1, 5, 30, 120, 360];
/// Nevent waits 10 s, which compressed would be less than a request takes.
const PATIENCE: Duration = Duration::from_secs(2);

impl Sender {
    /// Each attempt goes to the next of the receivers. A minute takes so long.
    pub fn new(receivers: &[SocketAddr], minute: Duration, ledger: &Ledger) -> Self {
        Self(Arc::new(Inner {
            client: Client::builder(TokioExecutor::new()).build_http(),
            signer: signer(),
            receivers: receivers.to_vec(),
            next: AtomicUsize::new(0),
            minute,
            ledger: ledger.clone(),
        }))
    }

    /// Sends deliveries of these numbers, so many at once (those that wait for
    /// their retry not counted), and returns when each has come to its end.
    pub async fn deliver_all(&self, numbers: std::ops::Range<u32>, at_once: usize) {
        let permits = Arc::new(Semaphore::new(at_once));
        let mut deliveries = JoinSet::new();
        for number in numbers {
            let permit = Arc::clone(&permits).acquire_owned().await.expect("never closed");
            let (sender, permits) = (self.clone(), Arc::clone(&permits));
            deliveries.spawn(async move {
                let id = delivery_id(number);
                sender.0.ledger.sent(&id);
                let done = sender.attempt(&id).await;
                drop(permit);
                if !done {
                    sender.retry(&id, &permits).await;
                }
            });
            while deliveries.try_join_next().is_some() {}
        }
        while deliveries.join_next().await.is_some() {}
    }

    async fn retry(&self, id: &str, permits: &Semaphore) {
        for minutes in RETRIES {
            sleep(self.0.minute * minutes).await;
            let _permit = permits.acquire().await.expect("never closed");
            if self.attempt(id).await {
                return;
            }
        }
        self.0.ledger.given_up(id);
    }

    /// One attempt, at the next receiver: whether it was answered 2xx.
    pub async fn attempt(&self, id: &str) -> bool {
        let next = self.0.next.fetch_add(1, Ordering::Relaxed) % self.0.receivers.len();
        self.attempt_at(self.0.receivers[next], id).await
    }

    pub async fn attempt_at(&self, receiver: SocketAddr, id: &str) -> bool {
        let body = format!(r#"{{"id":"evt_{id}","type":"fan.created"}}"#);
        let header = self.0.signer.header(SystemClock.unix_seconds(), body.as_bytes());
        let request = Request::post(format!("http://{receiver}/"))
            .header("x-nevent-signature", header)
            .header("x-nevent-delivery", id)
            .body(Full::from(body))
            .expect("a request");
        let answer = timeout(PATIENCE, self.0.client.request(request)).await;
        let (success, answer) = match answer {
            Ok(Ok(response)) => describe(response).await,
            Ok(Err(_)) => (false, "no connection".to_owned()),
            Err(_) => (false, "no answer".to_owned()),
        };
        self.0.ledger.answered(&answer);
        if success {
            self.0.ledger.acknowledged(id);
        }
        success
    }
}

async fn describe(response: Response<Incoming>) -> (bool, String) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap_or_default().to_bytes();
    let answer = format!("{} {}", status.as_u16(), String::from_utf8_lossy(&body));
    (status.is_success(), answer.trim_end().to_owned())
}

/// A UUID, as Nevent's delivery ids are.
pub fn delivery_id(number: u32) -> String {
    format!("{number:08x}-89ab-cdef-0123-456789abcdef")
}
