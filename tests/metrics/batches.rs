//! Batches: each event counts by its signed type, and the delivery counts as none.

use nevent_webhooks::{DedupeKey, DedupeOptions};

use crate::checks::VERIFIED;
use crate::counted::Counted;
use crate::deduplication::CLAIMED;
use crate::support::work::{Work, event};
use crate::support::{Adapter, Post, rows};

rows!(events_of_a_batch, a_lone_event, a_lone_event_that_is_its_delivery, a_body_that_is_no_event);

async fn events_of_a_batch(adapter: Adapter) {
    let mut counted = Counted::new();
    let (setup, work) = Work::at_once(adapter, 1);
    let receiver = counted.both_layers(setup, |options| options).start().await;
    work.fails_once("evt_2");
    let other = event("evt_3").replace("fan.created", "fan.renamed");
    let body = format!("[{},{},{other},7]", event("evt_1"), event("evt_2"));
    let post = Post::new("d").body(body);
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    let first = [
        "deliveries_total nevent claimed",
        "deliveries_total nevent handler_failed",
        "events_total fan.created handler_failed",
        "events_total fan.created handler_succeeded",
        "events_total other event_unreadable",
        "events_total other handler_succeeded",
        "handler_duration_seconds handler_failed",
        "rejections_total batch_incomplete",
        "store_duration_seconds claim ok +4",
        "store_duration_seconds complete ok +2",
        "store_duration_seconds release ok +2",
    ];
    counted.moved(&[VERIFIED, &first]).await;
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    let retry = [
        "deliveries_total nevent claimed",
        "deliveries_total nevent handler_failed",
        "events_total fan.created duplicate",
        "events_total fan.created handler_succeeded",
        "events_total other duplicate",
        "events_total other event_unreadable",
        "handler_duration_seconds handler_failed",
        "rejections_total batch_incomplete",
        "store_duration_seconds claim ok +4",
        "store_duration_seconds complete ok",
        "store_duration_seconds release ok",
    ];
    counted.moved(&[VERIFIED, &retry]).await;
}

/// Under a claim of its own it counts by its signed type, not by the header.
async fn a_lone_event(adapter: Adapter) {
    let mut counted = Counted::new();
    let setup = Work::on(adapter).0;
    let receiver = counted.both_layers(setup, |options| options).start().await;
    let post = Post::new("d").event("fan.created").body(event("evt_1"));
    receiver.deliver(&post).await.is(200, "");
    let handled = [
        "deliveries_total nevent claimed",
        "deliveries_total nevent handler_succeeded",
        "events_total fan.created handler_succeeded",
        "handler_duration_seconds handler_succeeded",
        "store_duration_seconds claim ok +2",
        "store_duration_seconds complete ok +2",
    ];
    counted.moved(&[VERIFIED, &handled]).await;
}

async fn a_lone_event_that_is_its_delivery(adapter: Adapter) {
    let mut counted = Counted::new();
    let options = DedupeOptions::new().dedupe_by(DedupeKey::EventId);
    let setup = Work::on(adapter).0.options(options);
    let receiver = counted.both_layers(setup, |options| options).start().await;
    let post = Post::new("d").event("fan.created").body(event("evt_1"));
    receiver.deliver(&post).await.is(200, "");
    let handled = [
        "deliveries_total nevent handler_succeeded",
        "events_total fan.created handler_succeeded",
        "handler_duration_seconds handler_succeeded",
        "store_duration_seconds complete ok",
    ];
    counted.moved(&[VERIFIED, CLAIMED, &handled]).await;
}

async fn a_body_that_is_no_event(adapter: Adapter) {
    let mut counted = Counted::new();
    let receiver = counted.both_layers(Work::on(adapter).0, |options| options).start().await;
    receiver.deliver(&Post::new("d").event(None).body("no JSON")).await.is(400, "Malformed event");
    let failed = [
        "deliveries_total nevent handler_failed",
        "events_total other handler_failed",
        "handler_duration_seconds handler_failed",
        "rejections_total malformed_event",
        "store_duration_seconds release ok",
    ];
    counted.moved(&[VERIFIED, CLAIMED, &failed]).await;
}
