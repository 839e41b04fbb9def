//! Any bytes as the body of a delivery that is processed as a batch, sent twice through both
//! layers: what is answered, and which events run, against a plain reading of the body and
//! a set of ids that are done.
//!
//! The first byte says how: its lowest bit has events deduplicated by their ids, the next
//! `strict_event_type`; with the third the second is another delivery, under another id
//! and signed a second later.
#![no_main]

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use nevent_webhooks::{Batch, Event};
use nevent_webhooks::{
    Clock, DedupeKey, DedupeOptions, ManualClock, Rejection, Secret, VerifiedBody, Verifier,
    VerifyLayer, VerifyOptions,
};
use nevent_webhooks_fuzz::json::{Json, event_id};
use nevent_webhooks_fuzz::stack::{deduplicated, run};
use nevent_webhooks_fuzz::{SECRET, digest, hex};
use tower::{ServiceBuilder, ServiceExt, service_fn};

const EVENT_HEADER: &str = "fan.created";
const MOST_EVENTS: usize = 1000;

/// Status, the text of a refusal, and the events that ran, in their order.
type Answer = (u16, String, Vec<String>);

fuzz_target!(|input: &[u8]| {
    let Some((options, body)) = input.split_first() else { return };
    let option = |bit: u8| options & bit != 0;
    let how = How { by_event_id: option(1), strict: option(2), other_delivery: option(4) };
    let answers = run(send_twice(body, how));
    match Json::read(body) {
        Ok(json) if json.has_unclear_time() => {}
        Ok(json) => assert_eq!(answers, expected(&json, how)),
        Err(error) if Json::is_none(body, &error) => {
            assert!(answers.iter().all(|(status, _, ran)| *status == 400 && ran.is_empty()));
        }
        // A number beyond a float's range is not looked into.
        Err(_) => {}
    }
});

#[derive(Clone, Copy)]
struct How {
    by_event_id: bool,
    strict: bool,
    other_delivery: bool,
}

async fn send_twice(body: &[u8], how: How) -> [Answer; 2] {
    let clock = ManualClock::now();
    let mut verify = VerifyOptions::new().clock(clock.clone());
    if how.strict {
        verify = verify.strict_event_type();
    }
    let mut dedupe = DedupeOptions::new();
    if how.by_event_id {
        dedupe = dedupe.dedupe_by(DedupeKey::EventId);
    }
    let verifier = Verifier::new(Secret::new(SECRET).unwrap());
    let layers = (VerifyLayer::with_options(verifier, verify), deduplicated(dedupe));
    let ran = Arc::new(Mutex::new(Vec::new()));
    let mut answers = Vec::new();
    for round in 0..2 {
        let ran_now = Arc::clone(&ran);
        let handler = service_fn(move |request: Request<VerifiedBody>| {
            process(request, round, Arc::clone(&ran_now))
        });
        let stack = ServiceBuilder::new().layer(layers.clone()).service(handler);
        let id = if how.other_delivery && round == 1 { "d-2" } else { "d-1" };
        let response = stack.oneshot(delivery(id, body, &clock)).await.unwrap();
        let rejection = response.extensions().get::<Rejection>();
        let text = rejection.map_or("", Rejection::body_text).to_owned();
        answers.push((response.status().as_u16(), text, std::mem::take(&mut *ran.lock().unwrap())));
        if how.other_delivery {
            clock.advance(Duration::from_secs(1));
        }
    }
    answers.try_into().unwrap()
}

fn delivery(id: &str, body: &[u8], clock: &ManualClock) -> Request<Full<Bytes>> {
    let t = clock.unix_seconds();
    let signature = format!("t={t},v1={}", hex(&digest(SECRET.as_bytes(), t, body)));
    let request = Request::post("/").header("x-nevent-signature", signature);
    let request = request.header("x-nevent-delivery", id).header("x-nevent-event", EVENT_HEADER);
    request.body(Full::new(Bytes::copy_from_slice(body))).unwrap()
}

async fn process(
    request: Request<VerifiedBody>,
    round: usize,
    ran: Arc<Mutex<Vec<String>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let report = match Batch::from_extensions(request.extensions()) {
        Ok(batch) => {
            let on_event = move |event: Event| {
                ran.lock().unwrap().push(event.id.clone());
                let end = if fails(&event.id, round) { Err("fails") } else { Ok(()) };
                async move { end }
            };
            batch.process(1, on_event).await.into_result()
        }
        Err(rejection) => Err(rejection),
    };
    Ok(report.map_or_else(|rejection| rejection.to_response(), |()| Response::default()))
}

/// Some the first time, the others the second.
fn fails(id: &str, round: usize) -> bool {
    id.len() % 2 == round
}

fn expected(json: &Json, how: How) -> [Answer; 2] {
    let is_repeat = !how.other_delivery || how.by_event_id && many(json).is_none();
    let mut done = HashSet::new();
    let mut answered = false;
    [0, 1].map(|round| {
        if answered && is_repeat {
            return (200, "Already processed".to_owned(), Vec::new());
        }
        let mut ran = Vec::new();
        let (status, text) = match refusal(json, how.strict) {
            Some((status, text)) => (status, text),
            None if handle(&events(json), round, &mut done, &mut ran) => (200, ""),
            None => (500, "Batch incomplete"),
        };
        answered = status == 200;
        (status, text.to_owned(), ran)
    })
}

fn refusal(json: &Json, strict: bool) -> Option<(u16, &'static str)> {
    let malformed = Some((400, "Malformed event"));
    match many(json) {
        _ if !is_clear(json) => malformed,
        Some(events) if events.len() > MOST_EVENTS => malformed,
        None if strict && has_another_type(json) => Some((400, "Event type mismatch")),
        None if event_id(json).is_none() => malformed,
        _ => None,
    }
}

fn has_another_type(json: &Json) -> bool {
    matches!(json.field("type"), Some(Json::Text(event_type)) if event_type != EVENT_HEADER)
}

/// No field that tells what it is, is there twice.
fn is_clear(json: &Json) -> bool {
    let once = |name| json.count(name) <= 1;
    once("id") && once("type") && once("data") && (has_data(json) || once("events"))
}

fn has_data(json: &Json) -> bool {
    json.field("data").is_some_and(|data| *data != Json::Null)
}

/// The events of a batch; `None` for one alone, and for what is neither.
fn many(json: &Json) -> Option<&Vec<Json>> {
    match (json, json.field("events")) {
        (Json::Array(events), _) => Some(events),
        (_, Some(Json::Array(events))) if !has_data(json) => Some(events),
        _ => None,
    }
}

fn events(json: &Json) -> Vec<&Json> {
    many(json).map_or_else(|| vec![json], |events| events.iter().collect())
}

/// Whether all are done in the end.
fn handle(
    events: &[&Json],
    round: usize,
    done: &mut HashSet<String>,
    ran: &mut Vec<String>,
) -> bool {
    let ends = events.iter().map(|event| {
        let Some(id) = event_id(event) else { return false };
        if done.contains(id) {
            return true;
        }
        ran.push(id.to_owned());
        if !fails(id, round) {
            done.insert(id.to_owned());
        }
        !fails(id, round)
    });
    ends.fold(true, |all, is_done| all & is_done)
}
