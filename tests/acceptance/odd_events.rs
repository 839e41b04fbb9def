//! e09–e13: events as real senders write them, and as no documentation shows them.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use nevent_webhooks::event::{EventData, Fan, unread_fields};
use nevent_webhooks::{DedupeKey, DedupeOptions, Rejection};

use crate::events::{Read, event};
use crate::support::received::Received;
use crate::support::work::Work;
use crate::support::{Adapter, Asks, Post, Receiver, rows};

rows!(
    e09_half_a_surrogate_pair,
    e09_in_a_batch,
    e09_in_the_id_that_is_claimed,
    e09_in_the_type_in_strict_mode,
    e10_an_odd_optional_field,
    e10_an_undocumented_number_beyond_a_float,
    e11_whole_numbers,
    e12_byte_order_mark,
    e13_an_event_that_cannot_be_read,
    a_ping,
);

/// A name that was cut within an emoji.
const HALF: &str = r"Party \ud83c";
const MENDED: &str = "Party \u{fffd}";

fn fan(read: &Read) -> Fan {
    let EventData::FanCreated(fan) = read.last().data else { panic!("another type") };
    *fan
}

async fn e09_half_a_surrogate_pair(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let data = format!(r#"{{"fan":{{"id":"f","first_name":"{HALF}","{HALF}":["{HALF}"]}}}}"#);
    let body = event("fan.created", &data).replacen('{', &format!(r#"{{"note":"{HALF}","#), 1);
    receiver.deliver(&Post::new("d").body(body)).await.is(200, "");
    let fan = fan(&read);
    assert_eq!((fan.first_name.as_deref(), &fan.extra[MENDED][0]), (Some(MENDED), &MENDED.into()));
    assert_eq!(read.last().extra["note"], MENDED);
    let unknown = event(r"seat.\udead", r#"{"seat":"\ud83c"}"#);
    receiver.deliver(&Post::new("e").body(unknown)).await.is(200, "");
    let EventData::Unknown { event_type, data } = read.last().data else { panic!("known") };
    assert_eq!((&*event_type, data.get()), ("seat.\u{fffd}", r#"{"seat":"\ufffd"}"#));
}

async fn e09_in_a_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let events = ["evt_1", r"evt_\ud83c"].map(crate::support::work::event);
    let body = format!("\u{feff}[{}]", events.join(",").replace("\"fan_1\"", r#""\udf89""#));
    receiver.deliver(&Post::new("d").body(body)).await.is(200, "");
    assert_eq!((work.runs_of("evt_1"), work.runs_of("evt_\u{fffd}")), (1, 1));
    let alone = crate::support::work::event("evt_\u{fffd}");
    receiver.deliver(&Post::new("e").body(alone)).await.is(200, "");
    assert_eq!((work.runs_of("evt_\u{fffd}"), work.counts()), (1, (0, 1, 0)));
}

/// The event is claimed by the id that the handler reads.
async fn e09_in_the_id_that_is_claimed(adapter: Adapter) {
    let options = DedupeOptions::new().dedupe_by(DedupeKey::EventId);
    let receiver = Receiver::on(adapter).options(options).start().await;
    let body = event("x.y", "{}").replace("evt_1", r"evt_\ud83c");
    receiver.deliver(&Post::new("d").body(&*body)).await.is(200, "");
    let spelt = body.replace(r"\ud83c", r"\ufffd");
    receiver.deliver(&Post::new("e").body(spelt)).await.is(200, "Already processed");
    let marked = format!("\u{feff}{body}");
    receiver.deliver(&Post::new("f").body(marked)).await.is(200, "Already processed");
}

async fn e09_in_the_type_in_strict_mode(adapter: Adapter) {
    let setup = Receiver::on(adapter).verify(nevent_webhooks::VerifyOptions::strict_event_type);
    let receiver = setup.start().await;
    let body = event(r"fan.\ud83c", "{}");
    let post = Post::new("d").body(body).event("fan.created");
    receiver.deliver(&post).await.is(400, "Event type mismatch");
}

async fn e10_an_odd_optional_field(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let counted = |name: &str| unread_fields().get(name).copied().unwrap_or_default();
    for (number, (field, odd)) in [
        ("custom_fields", "[]"),
        ("tags", r#""vip""#),
        ("tags", "{}"),
        ("created_at", r#""2024-03-15T11:00:00""#),
        ("created_at", r#""""#),
        ("email", "false"),
    ]
    .into_iter()
    .enumerate()
    {
        let (name, id) = (format!("fan.{field}"), number.to_string());
        let before = counted(&name);
        let body = event("fan.created", &format!(r#"{{"fan":{{"id":"f","{field}":{odd}}}}}"#));
        receiver.deliver(&Post::new(&id).body(body.replace("evt_1", &id))).await.is(200, "");
        let fan = fan(&read);
        assert_eq!(fan.extra[field].to_string(), odd);
        assert!(fan.custom_fields.is_empty() && fan.tags.is_empty());
        assert_eq!((fan.created_at, fan.email), (None, None));
        assert!(counted(&name) > before);
        assert_eq!(read.last().unread_fields(), [&*name]);
        assert!(read.last().strict().is_err());
    }
}

async fn e10_an_undocumented_number_beyond_a_float(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let body = event("fan.created", r#"{"fan":{"id":"f","score":[1e400]}}"#);
    receiver.deliver(&Post::new("d").body(body)).await.is(200, "");
    assert_eq!(fan(&read).extra["score"][0], "1e400");
}

async fn e11_whole_numbers(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let sample = include_str!("../data/events/purchase.completed.json");
    let written = [("2.0", "1640995200.0"), ("\"2\"", "1.6409952e9"), ("2e0", "16409952E+2")];
    for (number, (quantity, created)) in written.into_iter().enumerate() {
        let body = sample.replace(r#""quantity": 2"#, &format!(r#""quantity": {quantity}"#));
        let body = body.replace("1640995200", created);
        let post = Post::new(&number.to_string()).body(body);
        receiver.deliver(&post).await.is(200, "");
        let event = read.last();
        let EventData::PurchaseCompleted(purchase) = event.data else { panic!("another type") };
        assert_eq!(purchase.tickets[0].quantity, 2, "{quantity}");
        assert_eq!(event.created.as_second(), 1_640_995_200, "{created}");
    }
    for quantity in ["2.5", "\"two\"", "1.0000000000000000001"] {
        let body = sample.replace(r#""quantity": 2"#, &format!(r#""quantity": {quantity}"#));
        receiver.deliver(&Post::new(quantity).body(body)).await.is(400, "Malformed event");
    }
}

async fn e12_byte_order_mark(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let body = format!("\u{feff}{}", event("fan.created", r#"{"fan":{"id":"f"}}"#));
    receiver.deliver(&Post::new("d").body(&*body)).await.is(200, "");
    assert_eq!(fan(&read).id, "f");
    assert_eq!(receiver.seen()[0].body(), &*body, "the bytes stay as they were signed");
}

type Parked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Keeps a delivery that cannot be read, with the reason, and completes it.
fn park(parked: &Parked, received: Received) -> Result<StatusCode, Rejection> {
    let Received { delivery, event, .. } = received;
    match event.expect("asked for") {
        Ok(_) => Ok(StatusCode::OK),
        Err(Rejection::Event(reason)) => {
            let mut parked = parked.lock().expect("no panic while locked");
            parked.push((reason.to_string(), delivery.body().to_vec()));
            Ok(StatusCode::OK)
        }
        Err(other) => Err(other),
    }
}

async fn e13_an_event_that_cannot_be_read(adapter: Adapter) {
    let parked = Parked::default();
    let inside = Arc::clone(&parked);
    let setup = Receiver::on(adapter).asking_for(Asks::Event, move |received| {
        let result = park(&inside, received);
        async move { result }
    });
    let receiver = setup.start().await;
    let odd = event("fan.created", r#"{"fan":{"id":7}}"#);
    let bodies = [&*odd, "no JSON"];
    for body in bodies {
        let post = Post::new(&body.len().to_string()).body(body);
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post).await.is(200, "Already processed");
    }
    let parked = parked.lock().expect("no panic while locked");
    assert!(parked[0].0.contains("`data.fan.id`: a number"), "{}", parked[0].0);
    let kept: Vec<_> = parked.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(kept, bodies.map(str::as_bytes));
}

/// Nevent's "send test event" may look like this.
async fn a_ping(adapter: Adapter) {
    let (setup, read) = Read::on(adapter);
    let receiver = setup.start().await;
    let body = r#"{"id":"evt_1","type":"ping","created":1640995200}"#;
    receiver.deliver(&Post::new("d").body(body)).await.is(200, "");
    let ping = read.last();
    assert_eq!((&*ping.event_type, &ping.organization_id), ("ping", &None));
    assert!(matches!(ping.data, EventData::Unknown { data, .. } if data.get() == "null"));
}
