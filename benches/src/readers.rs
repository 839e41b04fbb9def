//! Ways to read an event, or a batch of them: the library's, and `serde_json`'s into structs of the same
//! fields.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::Full;
use nevent_webhooks::event::{Date, Decimal, EventData, RawValue, Timestamp};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::testing::SignedDelivery;
use nevent_webhooks::{Batch, DedupeLayer, Event, Secret, VerifiedBody, Verifier, VerifyLayer};
use serde::Deserialize;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::rounds::Contestant;

pub const PURCHASE: &str = include_str!("../../tests/data/events/purchase.completed.json");
pub const SMALL: &str =
    r#"{"id":"evt_1","type":"fan.deleted","created":1,"data":{"fan":{"id":"f"}}}"#;

/// A hundred purchases, as a batch.
#[must_use]
pub fn hundred() -> String {
    format!("[{}]", [PURCHASE; 100].join(","))
}

/// The ways to read one event. The first is the yardstick.
///
/// # Panics
///
/// If the body is not an event.
#[must_use]
pub fn single(body: &[u8]) -> Vec<Contestant<'_>> {
    vec![
        Contestant::new("serde_json, plain struct", repeat(|| plain(body))),
        Contestant::new("Event<EventData>", repeat(|| typed(body))),
        Contestant::new("serde_json, rich struct", repeat(|| rich(body))),
        Contestant::new("serde_json, Value", repeat(|| value(body))),
        Contestant::new("Event, raw data", repeat(|| raw(body))),
        Contestant::new("Event, raw data, then typed", repeat(|| raw(body).typed().expect("data"))),
    ]
}

/// The ways to read a hundred purchases. The first is the yardstick.
///
/// # Panics
///
/// If the body is not a batch.
#[must_use]
pub fn batch<'a>(extensions: &'a Extensions, body: &'a [u8]) -> Vec<Contestant<'a>> {
    vec![
        Contestant::new(
            "100 × Event<EventData>",
            repeat(|| [(); 100].map(|()| typed(PURCHASE.as_bytes()))),
        ),
        Contestant::new("Batch::events", repeat(|| read_batch(extensions))),
        Contestant::new("serde_json, Vec<&RawValue> alone", repeat(|| split(body))),
    ]
}

fn repeat<T>(mut read: impl FnMut() -> T) -> impl FnMut(u32) {
    move |times| (0..times).for_each(|_| drop(black_box(read())))
}

fn typed(body: &[u8]) -> Event<EventData> {
    Event::from_json(black_box(body)).expect("an event")
}

fn raw(body: &[u8]) -> Event {
    Event::from_json(black_box(body)).expect("an event")
}

fn value(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(black_box(body)).expect("JSON")
}

fn plain(body: &[u8]) -> Envelope<f64, String, String> {
    serde_json::from_slice(black_box(body)).expect("an event")
}

fn rich(body: &[u8]) -> Envelope<Amount, Timestamp, Date> {
    serde_json::from_slice(black_box(body)).expect("an event")
}

fn split(body: &[u8]) -> usize {
    let events: Vec<&RawValue> = serde_json::from_slice(black_box(body)).expect("a list");
    events.len()
}

fn read_batch(extensions: &Extensions) -> Vec<Event<EventData>> {
    let batch = Batch::from_extensions(extensions).expect("a batch");
    batch.events().collect::<Result<_, _>>().expect("events")
}

/// The extensions of a request with this body that passed both layers.
///
/// # Panics
///
/// Never: both layers pass the request.
#[must_use]
pub fn extensions_of(body: &str) -> Extensions {
    let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").expect("a secret");
    let delivery = SignedDelivery::new(&secret, "d-1", body);
    let kept = Arc::new(Mutex::new(Extensions::new()));
    let keep = Arc::clone(&kept);
    let handler = service_fn(move |request: Request<VerifiedBody>| {
        *keep.lock().expect("no panic") = request.into_parts().0.extensions;
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    });
    let service = ServiceBuilder::new()
        .layer(VerifyLayer::new(Verifier::new(secret)))
        .layer(DedupeLayer::new("bench", MemoryStore::new()).expect("a scope"))
        .service(handler);
    let mut request = Request::post("/");
    for (name, value) in delivery.headers() {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(service.oneshot(request)).expect("a response");
    let extensions = kept.lock().expect("no panic");
    extensions.clone()
}

/// An amount by way of a float, as `rust_decimal` reads it by default.
#[derive(Deserialize)]
#[serde(try_from = "f64")]
struct Amount(#[allow(dead_code, reason = "the field is read from JSON alone")] Decimal);

impl TryFrom<f64> for Amount {
    type Error = <Decimal as TryFrom<f64>>::Error;

    fn try_from(amount: f64) -> Result<Self, Self::Error> {
        amount.try_into().map(Self)
    }
}

/// An event with the documented fields, amounts as `N`, times as `T` and dates as `D`.
#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are read from JSON alone")]
struct Envelope<N, T, D> {
    id: String,
    r#type: String,
    created: i64,
    organization_id: Option<String>,
    data: Data<N, T, D>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are read from JSON alone")]
struct Data<N, T, D> {
    purchase: Option<Purchase<N, T, D>>,
    fan: Option<Fan<T>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are read from JSON alone")]
struct Purchase<N, T, D> {
    id: String,
    fan: Fan<T>,
    event: LiveEvent<T, D>,
    tickets: Vec<Ticket<N>>,
    total: N,
    currency: String,
    payment_method: Option<String>,
    status: Option<String>,
    purchased_at: Option<T>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are read from JSON alone")]
struct Fan<T> {
    id: String,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    city: Option<String>,
    country: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    created_at: Option<T>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are read from JSON alone")]
struct LiveEvent<T, D> {
    id: String,
    name: String,
    date: Option<D>,
    venue: Option<Venue>,
    #[serde(default)]
    lineup: Vec<Artist>,
    published_at: Option<T>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are read from JSON alone")]
struct Venue {
    name: String,
    city: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are read from JSON alone")]
struct Artist {
    name: String,
    spotify_id: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the fields are read from JSON alone")]
struct Ticket<N> {
    r#type: String,
    quantity: i64,
    price: N,
    currency: Option<String>,
}
