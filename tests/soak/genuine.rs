//! A hundred deliveries a second. Each must be answered 200; one in ten is sent again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use nevent_webhooks::{Clock, SystemClock};
use tokio::net::TcpStream;
use tokio::time::interval;

use super::Over;
use super::secrets::signer;

#[derive(Default)]
pub struct Report {
    took: Vec<Duration>,
    ids: Vec<String>,
}

impl Report {
    /// The counts of a receiver that handles each delivery once.
    pub fn ids(&self) -> BTreeMap<String, u32> {
        self.ids.iter().map(|id| (id.clone(), 1)).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut took = self.took.clone();
        took.sort();
        let at = |percent: usize| took[(took.len() - 1) * percent / 100];
        let count = self.ids.len();
        write!(f, "genuine: {count}, each answered 200 and handled once; ")?;
        write!(f, "answers took {:.1?}, 99 %: {:.1?}, the longest {:.1?}", at(50), at(99), at(100))
    }
}

pub async fn load(port: u16, over: Over) -> Report {
    let signer = signer();
    let mut client = Client::connect(port).await;
    let mut report = Report::default();
    let mut turn = interval(Duration::from_millis(10));
    while !over.load(Ordering::SeqCst) {
        turn.tick().await;
        let id = format!("genuine-{}", report.ids.len());
        let body = event(&id);
        let times = if report.ids.len() % 10 == 0 { 2 } else { 1 };
        for _ in 0..times {
            let (time, started) = (now(), Instant::now());
            let signature = signer.header(time, body.as_bytes());
            let status = client.post(&id, &signature, body.clone().into()).await;
            assert_eq!(status, StatusCode::OK, "{id}");
            report.took.push(started.elapsed());
        }
        report.ids.push(id);
    }
    report
}

fn event(id: &str) -> String {
    let fields = r#""type":"fan.created","created":1640995200,"organization_id":"org_1","data":{}"#;
    format!(r#"{{"id":"evt_{id}",{fields}}}"#)
}

/// One connection, and another when the receiver closes it.
pub struct Client {
    port: u16,
    connection: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn connect(port: u16) -> Self {
        Self { port, connection: connect(port).await }
    }

    pub async fn post(&mut self, id: &str, signature: &str, body: Bytes) -> StatusCode {
        if self.connection.ready().await.is_err() {
            self.connection = connect(self.port).await;
        }
        let request = Request::post("/webhooks/nevent")
            .header("host", "localhost")
            .header("x-nevent-delivery", id)
            .header("x-nevent-signature", signature)
            .body(Full::new(body))
            .expect("a request");
        let answer = self.connection.send_request(request).await.expect("an answer");
        let status = answer.status();
        answer.into_body().collect().await.expect("a body");
        status
    }
}

async fn connect(port: u16) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it accepts");
    stream.set_nodelay(true).expect("a socket");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    sender
}

pub fn now() -> i64 {
    SystemClock.unix_seconds()
}
