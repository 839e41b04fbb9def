//! What the deduplication counts: claims, handlers, events, the store and incidents.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::DedupeOptions;
use nevent_webhooks::store::MemoryStore;

use crate::checks::VERIFIED;
use crate::counted::Counted;
use crate::support::receiver::Setup;
use crate::support::{Adapter, Fault, FaultyStore, Post, Receiver, eventually, rows};

rows!(
    a_delivery_and_its_repeat,
    a_repeat_in_flight,
    a_replay_and_a_conflict,
    a_handler_that_fails,
    a_handler_that_panics,
    a_handler_that_times_out,
    a_store_that_is_down,
    a_store_that_is_full,
    a_handler_without_a_claim,
    an_end_that_is_recorded_late,
    too_many_handlers,
);

pub const CLAIMED: &[&str] =
    &["deliveries_total nevent claimed", "store_duration_seconds claim ok"];

const SUCCEEDED: &[&str] = &[
    "deliveries_total nevent handler_succeeded",
    "events_total purchase.completed handler_succeeded",
    "handler_duration_seconds handler_succeeded",
    "store_duration_seconds complete ok",
];

fn on(counted: &Counted, setup: Setup) -> Setup {
    counted.both_layers(setup, |options| options)
}

async fn a_delivery_and_its_repeat(adapter: Adapter) {
    let mut counted = Counted::new();
    let receiver = on(&counted, Receiver::on(adapter)).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    counted.moved(&[VERIFIED, CLAIMED, SUCCEEDED]).await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    let duplicate = [
        "deliveries_total nevent duplicate",
        "events_total purchase.completed duplicate",
        "rejections_total already_processed",
        "store_duration_seconds claim ok",
    ];
    counted.moved(&[VERIFIED, &duplicate]).await;
}

async fn a_repeat_in_flight(adapter: Adapter) {
    let mut counted = Counted::new();
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = on(&counted, setup).start().await;
    let mut first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    counted.moved(&[VERIFIED, CLAIMED, &["in_flight"]]).await;
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    let duplicate = [
        "deliveries_total nevent duplicate_in_flight",
        "events_total purchase.completed duplicate_in_flight",
        "rejections_total delivery_in_progress",
        "store_duration_seconds claim ok",
    ];
    counted.moved(&[VERIFIED, &duplicate]).await;
    gate.let_pass(1);
    first.reply().await.is(200, "");
    counted.moved(&[SUCCEEDED, &["in_flight -1"]]).await;
}

async fn a_replay_and_a_conflict(adapter: Adapter) {
    let mut counted = Counted::new();
    let receiver = on(&counted, Receiver::on(adapter)).start().await;
    receiver.deliver(&Post::new("one")).await.is(200, "");
    counted.moved(&[VERIFIED, CLAIMED, SUCCEEDED]).await;
    receiver.deliver(&Post::new("two")).await.is(200, "Already processed");
    let replay = [
        "deliveries_total nevent duplicate",
        "events_total purchase.completed duplicate",
        "incidents_total replay",
        "rejections_total already_processed",
        "store_duration_seconds claim ok +2",
    ];
    counted.moved(&[VERIFIED, &replay]).await;
    receiver.deliver(&Post::new("one").body("{}")).await.is(422, "Delivery id reused");
    let conflict = [
        "incidents_total conflict",
        "rejections_total delivery_id_conflict",
        "store_duration_seconds claim ok",
    ];
    counted.moved(&[VERIFIED, &conflict]).await;
}

/// What moves when a handler ends so.
fn ended(end: &str) -> [String; 4] {
    [
        format!("deliveries_total nevent {end}"),
        format!("events_total purchase.completed {end}"),
        format!("handler_duration_seconds {end}"),
        "store_duration_seconds release ok".to_owned(),
    ]
}

fn texts(owned: &[String; 4]) -> [&str; 4] {
    owned.each_ref().map(String::as_str)
}

async fn a_handler_that_fails(adapter: Adapter) {
    let mut counted = Counted::new();
    let setup = Receiver::on(adapter).handler(|_| async { StatusCode::BAD_GATEWAY });
    let receiver = on(&counted, setup).start().await;
    receiver.deliver(&Post::new("d")).await.is(502, "");
    counted.moved(&[VERIFIED, CLAIMED, &texts(&ended("handler_failed"))]).await;
}

async fn a_handler_that_panics(adapter: Adapter) {
    let mut counted = Counted::new();
    let setup = Receiver::on(adapter).handler(|_| async { panic!("a handler's bug") });
    let receiver = on(&counted, setup).start().await;
    receiver.deliver(&Post::new("d")).await.is(500, "Internal server error");
    let told = ["incidents_total handler_panicked", "rejections_total handler_panicked"];
    counted.moved(&[VERIFIED, CLAIMED, &texts(&ended("handler_panicked")), &told]).await;
}

async fn a_handler_that_times_out(adapter: Adapter) {
    let mut counted = Counted::new();
    let (setup, _gate) = Receiver::gated(adapter);
    let ms = Duration::from_millis;
    // The lease is long, so that no renewal comes in between.
    let options = DedupeOptions::new().store_timeout(ms(250)).response_deadline(ms(300));
    let setup = setup.options(options.handler_timeout(ms(1000)));
    let receiver = on(&counted, setup).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    receiver.idle().await;
    let told = [
        "incidents_total handler_timed_out",
        "incidents_total moved_to_background",
        "rejections_total still_processing",
    ];
    counted.moved(&[VERIFIED, CLAIMED, &texts(&ended("handler_timed_out")), &told]).await;
}

fn faulty() -> FaultyStore {
    FaultyStore::new(MemoryStore::with_capacity(100).expect("room"))
}

async fn a_store_that_is_down(adapter: Adapter) {
    let (mut counted, store) = (Counted::new(), faulty());
    let receiver = on(&counted, Receiver::on(adapter).store(store.clone())).start().await;
    store.fail_claims(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    let failed = [
        "incidents_total store_failed",
        "rejections_total store_unavailable",
        "store_duration_seconds claim failed",
        "store_duration_seconds release ok",
    ];
    counted.moved(&[VERIFIED, &failed]).await;
}

async fn a_store_that_is_full(adapter: Adapter) {
    let mut counted = Counted::new();
    let (setup, gate) = Receiver::gated(adapter);
    let setup = setup.store(MemoryStore::with_capacity(1).expect("room"));
    let receiver = on(&counted, setup).start().await;
    let mut first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    counted.moved(&[VERIFIED, CLAIMED, &["in_flight"]]).await;
    receiver.deliver(&Post::new("e").body("{}")).await.is(503, "Try again later");
    let full = [
        "incidents_total store_full",
        "rejections_total store_unavailable",
        "store_duration_seconds claim full",
        "store_duration_seconds release ok",
    ];
    counted.moved(&[VERIFIED, &full]).await;
    gate.let_pass(1);
    first.reply().await.is(200, "");
}

async fn a_handler_without_a_claim(adapter: Adapter) {
    let (mut counted, store) = (Counted::new(), faulty());
    let options = DedupeOptions::new().dangerously_run_when_store_fails();
    let setup = Receiver::on(adapter).store(store.clone()).options(options);
    let receiver = on(&counted, setup).start().await;
    store.fail_claims(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    let unclaimed = [
        "incidents_total ran_unclaimed",
        "incidents_total store_failed",
        "store_duration_seconds claim failed",
    ];
    counted.moved(&[VERIFIED, SUCCEEDED, &unclaimed]).await;
}

async fn an_end_that_is_recorded_late(adapter: Adapter) {
    let (mut counted, store) = (Counted::new(), faulty());
    let setup = Receiver::on(adapter).store(store.clone());
    let patient = DedupeOptions::new().store_timeout(Duration::from_secs(8));
    let receiver = on(&counted, setup.options(patient)).start().await;
    store.fail_finalizations(Fault::Silent);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    let recorded = SUCCEEDED.len() - 1;
    let late = ["incidents_total finalized_late", "in_flight"];
    counted.moved(&[VERIFIED, CLAIMED, &SUCCEEDED[..recorded], &late]).await;
}

async fn too_many_handlers(adapter: Adapter) {
    let mut counted = Counted::new();
    let (setup, gate) = Receiver::gated(adapter);
    let setup = setup.options(DedupeOptions::new().max_in_flight(1));
    let receiver = on(&counted, setup).start().await;
    let mut first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    counted.moved(&[VERIFIED, CLAIMED, &["in_flight"]]).await;
    receiver.deliver(&Post::new("e").body("{}")).await.is(503, "Try again later");
    let told = ["incidents_total too_many_in_flight", "rejections_total too_many_in_flight"];
    counted.moved(&[VERIFIED, &told]).await;
    gate.let_pass(1);
    first.reply().await.is(200, "");
    counted.moved(&[SUCCEEDED, &["in_flight -1"]]).await;
}
