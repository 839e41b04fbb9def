//! Sends what a receiver meets: genuine deliveries all the time and, for a while, one kind of trouble.
//!
//! ```sh
//! NEVENT_WEBHOOK_SECRET=… traffic http://127.0.0.1:3000/webhooks/nevent 60 forged
//! ```
//!
//! The arguments: the receiver, for how many seconds, and the trouble: `none`, `forged`, `stale`, `replayed`,
//! `conflicting`, `repeated`, `late`, `failing`, `panicking` or `slow`.

use std::error::Error;
use std::time::{Duration, Instant};

use axum::http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::{
    Clock, DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER, Secret, Signer, SystemClock,
};
use tokio::task::JoinSet;

type Body = Full<axum::body::Bytes>;

/// Genuine deliveries a second.
const GENUINE: u64 = 5;

/// Requests a second that make trouble.
const TROUBLE: u64 = 10;

#[derive(Clone)]
struct Sender {
    client: Client<HttpConnector, Body>,
    url: String,
    signer: Signer,
    forger: Signer,
}

/// What is sent.
#[derive(Clone)]
struct Delivery {
    id: String,
    body: String,
    signed_at: i64,
    is_forged: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, seconds, trouble] = &arguments[..] else {
        return Err("give the URL, the seconds and the trouble, such as http://… 60 forged".into());
    };
    let until = Instant::now() + Duration::from_secs(seconds.parse()?);
    let sender = Sender {
        client: Client::builder(TokioExecutor::new()).build_http(),
        url: url.clone(),
        signer: Signer::new(&Secret::from_env("NEVENT_WEBHOOK_SECRET")?),
        forger: Signer::new(&Secret::new("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh")?),
    };
    let mut sending = JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut number = u64::from(std::process::id()) << 32;
    while Instant::now() < until {
        tick.tick().await;
        for _ in 0..GENUINE {
            number += 1;
            sending.spawn(sender.clone().send(vec![Delivery::genuine(number, "")]));
        }
        for _ in 0..if trouble == "none" { 0 } else { TROUBLE } {
            number += 1;
            sending.spawn(sender.clone().send(of_trouble(trouble, number)?));
        }
    }
    while sending.join_next().await.is_some() {}
    Ok(())
}

/// The requests, one after the other, that make this trouble.
fn of_trouble(trouble: &str, number: u64) -> Result<Vec<Delivery>, Box<dyn Error>> {
    let genuine = Delivery::genuine(number, "");
    Ok(match trouble {
        "forged" => vec![Delivery { is_forged: true, ..genuine }],
        "stale" => vec![Delivery { signed_at: genuine.signed_at - 400, ..genuine }],
        "replayed" => vec![genuine.clone(), Delivery { id: format!("again-{number}"), ..genuine }],
        "conflicting" => {
            let other = Delivery::genuine(number + 1_000_000, "");
            vec![genuine.clone(), Delivery { id: genuine.id, ..other }]
        }
        "repeated" => vec![genuine.clone(), genuine],
        "late" => vec![Delivery::created(number, genuine.signed_at - 7_200, "")],
        "failing" => vec![Delivery::genuine(number, "fail")],
        "panicking" => vec![Delivery::genuine(number, "panic")],
        "slow" => vec![Delivery::genuine(number, "slow")],
        _ => return Err(format!("{trouble}: no such trouble").into()),
    })
}

impl Delivery {
    fn genuine(number: u64, trouble: &str) -> Self {
        Self::created(number, SystemClock.unix_seconds(), trouble)
    }

    fn created(number: u64, created: i64, trouble: &str) -> Self {
        let body = format!(
            r#"{{"id":"evt_{number}","type":"fan.created","created":{created},"data":{{"fan":{{"id":"fan_{number}"}},"trouble":"{trouble}"}},"organization_id":"org_1"}}"#
        );
        let signed_at = SystemClock.unix_seconds();
        Self { id: format!("dlv-{number}"), body, signed_at, is_forged: false }
    }
}

impl Sender {
    /// Sends one after the other. What the receiver answers is its own to tell.
    async fn send(self, deliveries: Vec<Delivery>) {
        for Delivery { id, body, signed_at, is_forged } in deliveries {
            let signer = if is_forged { &self.forger } else { &self.signer };
            let request = Request::post(&self.url)
                .header(SIGNATURE_HEADER, signer.header(signed_at, body.as_bytes()))
                .header(EVENT_HEADER, "fan.created")
                .header("x-request-id", format!("req-{id}"))
                .header(DELIVERY_HEADER, id)
                .body(Body::from(body))
                .expect("a request");
            match self.client.request(request).await {
                Ok(response) => drop(response.into_body().collect().await),
                Err(error) => eprintln!("no answer: {error}"),
            }
        }
    }
}
