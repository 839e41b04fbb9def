use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::{Clock, Signer, SystemClock};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Load;
use super::book::{Book, Kind};
use super::receiver::ReceiverProcess;
use crate::support::acceptance::work::batch;
use crate::support::{PATIENCE, secrets};

/// Sends each delivery, to one receiver after another, until it is answered 2xx.
#[derive(Clone)]
pub struct Sender(Arc<Inner>);

struct Inner {
    client: Client<HttpConnector, Full<Bytes>>,
    signer: Signer,
    /// Each with permits of its own, or one that is stopped would soon hold all.
    receivers: Vec<(SocketAddr, Semaphore)>,
    next: AtomicUsize,
    book: Book,
}

/// Requests to one receiver at a time: enough that one that is stopped has many handlers at work.
const AT_ONCE: usize = 48;

/// Deliveries that are under way at a time, those that wait for a retry included.
const UNDER_WAY: usize = 250;

/// Shorter than a lease, so that others are asked before a receiver that was stopped goes on.
const ANSWER: Duration = Duration::from_millis(800);

/// A delivery: its path, its id, its body, and the effects that it is to have.
#[derive(Clone)]
struct Delivery {
    path: &'static str,
    id: String,
    body: String,
    effects: Vec<(Kind, String)>,
}

impl Sender {
    pub fn new(receivers: &[ReceiverProcess], book: &Book) -> Self {
        Self(Arc::new(Inner {
            client: Client::builder(TokioExecutor::new()).build_http(),
            signer: secrets::signer(),
            receivers: receivers
                .iter()
                .map(|receiver| (receiver.address(), Semaphore::new(AT_ONCE)))
                .collect(),
            next: AtomicUsize::new(0),
            book: book.clone(),
        }))
    }

    /// Sends all, the kinds mixed, and returns when each was acknowledged.
    pub async fn deliver_all(&self, load: &Load) {
        let mut deliveries = JoinSet::new();
        for delivery in mixed(load) {
            let sender = self.clone();
            deliveries.spawn(async move { sender.deliver(delivery).await });
            while let Some(ended) = deliveries.try_join_next() {
                ended.expect("no panic");
            }
            while deliveries.len() > UNDER_WAY {
                deliveries.join_next().await.expect("a delivery").expect("no panic");
            }
        }
        while let Some(ended) = deliveries.join_next().await {
            ended.expect("no panic");
        }
    }

    async fn deliver(&self, delivery: Delivery) {
        let (begun, mut pause) = (Instant::now(), Duration::from_millis(20));
        let mut answers = Vec::new();
        while !self.attempt(&delivery, &mut answers).await {
            let id = &delivery.id;
            assert!(begun.elapsed() < PATIENCE * 2, "{id} is never handled: {answers:?}");
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
        for (kind, id) in delivery.effects {
            self.0.book.acknowledged(kind, id);
        }
    }

    /// One attempt, at the next receiver: whether it was answered 2xx.
    async fn attempt(&self, delivery: &Delivery, answers: &mut Vec<String>) -> bool {
        let (address, _permit) = self.free_receiver().await;
        let url = format!("http://{address}{}", delivery.path);
        let header = self.0.signer.header(SystemClock.unix_seconds(), delivery.body.as_bytes());
        let request = Request::post(url)
            .header("x-nevent-signature", header)
            .header("x-nevent-delivery", &delivery.id)
            .body(Full::from(delivery.body.clone()))
            .expect("a request");
        let answer = timeout(ANSWER, self.0.client.request(request)).await;
        let Ok(Ok(response)) = answer else {
            self.0.book.answered("none");
            answers.push("none".to_owned());
            return false;
        };
        let status = response.status();
        let body = response.into_body().collect().await.unwrap_or_default().to_bytes();
        let answer = format!("{} {}", status.as_u16(), String::from_utf8_lossy(&body));
        self.0.book.answered(&answer);
        answers.push(answer);
        status.is_success()
    }
}

impl Sender {
    /// The next receiver that has a permit left.
    async fn free_receiver(&self) -> (SocketAddr, SemaphorePermit<'_>) {
        let receivers = &self.0.receivers;
        let next = self.0.next.fetch_add(1, Ordering::Relaxed) % receivers.len();
        for (address, permits) in receivers.iter().cycle().skip(next).take(receivers.len()) {
            if let Ok(permit) = permits.try_acquire() {
                return (*address, permit);
            }
        }
        let (address, permits) = &receivers[next];
        (*address, permits.acquire().await.expect("never closed"))
    }
}

/// The deliveries of all kinds, evenly mixed.
fn mixed(load: &Load) -> Vec<Delivery> {
    let at = |number: u32, of: u32| f64::from(number) / f64::from(of);
    let commits = (0..load.commits).map(|n| (at(n, load.commits), single("/commit", 'd', n)));
    let controls = (0..load.controls).map(|n| (at(n, load.controls), single("/plain", 'p', n)));
    let batches = (0..load.batches).map(|n| (at(n, load.batches), overlapping_batch(n)));
    let mut all: Vec<_> = commits.chain(controls).chain(batches).collect();
    all.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    all.into_iter().map(|(_, delivery)| delivery).collect()
}

fn single(path: &'static str, kind: char, number: u32) -> Delivery {
    let id = format!("{kind}{number:08}-89ab-cdef-0123-456789abcdef");
    let body = format!(r#"{{"id":"evt_{id}","type":"fan.created"}}"#);
    let kind = if kind == 'd' { Kind::Commit } else { Kind::Control };
    Delivery { path, body, effects: vec![(kind, id.clone())], id }
}

/// Ten events, of which the next batch has the last five, too.
fn overlapping_batch(number: u32) -> Delivery {
    let numbers: Range<u32> = number * 5..number * 5 + 10;
    let events: Vec<String> = numbers.map(|event| format!("evt_{event}")).collect();
    Delivery {
        path: "/batch",
        id: format!("b{number:08}-89ab-cdef-0123-456789abcdef"),
        body: batch(events.iter().map(String::as_str)),
        effects: events.into_iter().map(|id| (Kind::Event, id)).collect(),
    }
}
