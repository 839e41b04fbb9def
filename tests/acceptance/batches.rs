//! e05–e08: several events in one delivery, each done once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::event::{Batch, BatchReport, Event, EventData};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeOptions, Delivery, Rejection};

use crate::support::receiver::Setup;
use crate::support::{Adapter, Fault, FaultyStore, Gate, Post, Receiver, eventually, rows};

rows!(
    e05_batch_of_a_hundred,
    e05_one_event_is_a_batch_of_one,
    e05_empty_batch,
    e06_one_event_fails,
    e06_one_event_panics,
    e06_one_event_is_malformed,
    e07_completed_in_another_batch,
    e07_an_id_of_any_text,
    e08_in_flight_in_another_batch,
    e08_the_same_event_twice_in_one_batch,
    an_event_id_is_no_delivery_id,
    at_the_deadline_what_runs_goes_on_and_the_rest_is_left,
    so_many_at_a_time,
    a_batch_needs_no_more_than_its_own_place,
    shutdown_waits_for_events,
    the_store_fails_between_events,
    too_many_events,
);

/// How often each event was handled, and which of them fail, panic or wait.
#[derive(Clone, Default)]
struct Work(Arc<Inside>);

#[derive(Default)]
struct Inside {
    runs: Mutex<HashMap<String, usize>>,
    reports: Mutex<Vec<BatchReport>>,
    fails_once: Mutex<Option<String>>,
    panics_once: Mutex<Option<String>>,
    waits: Mutex<Option<(String, Gate)>>,
}

fn take(slot: &Mutex<Option<String>>, id: &str) -> bool {
    slot.lock().expect("no panic while locked").take_if(|event| event == id).is_some()
}

impl Work {
    fn on(adapter: Adapter) -> (Setup, Self) {
        Self::at_once(adapter, 8)
    }

    fn at_once(adapter: Adapter, concurrency: usize) -> (Setup, Self) {
        let work = Self::default();
        let inside = work.clone();
        let setup = Receiver::on(adapter).refusing_handler(move |delivery| {
            let work = inside.clone();
            async move { work.handle(&delivery, concurrency).await }
        });
        (setup, work)
    }

    async fn handle(
        &self,
        delivery: &Delivery,
        concurrency: usize,
    ) -> Result<StatusCode, Rejection> {
        let batch: Batch = delivery.batch()?;
        let work = self.clone();
        let on_event = move |event: Event<EventData>| {
            let work = work.clone();
            async move { work.on_event(event).await }
        };
        let report = batch.process(concurrency, on_event).await;
        self.0.reports.lock().expect("no panic while locked").push(report.clone());
        report.into_result().map(|()| StatusCode::OK)
    }

    async fn on_event(&self, event: Event<EventData>) -> Result<(), String> {
        *self.0.runs.lock().expect("no panic while locked").entry(event.id.clone()).or_default() +=
            1;
        let gate = self.0.waits.lock().expect("no panic while locked").clone();
        if let Some((_, gate)) = gate.filter(|(id, _)| *id == event.id) {
            gate.pass().await;
        }
        assert!(!take(&self.0.panics_once, &event.id), "a handler's bug");
        if take(&self.0.fails_once, &event.id) {
            return Err("no seat left".to_owned());
        }
        Ok(())
    }

    fn fails_once(&self, id: &str) {
        *self.0.fails_once.lock().expect("no panic while locked") = Some(id.to_owned());
    }

    fn panics_once(&self, id: &str) {
        *self.0.panics_once.lock().expect("no panic while locked") = Some(id.to_owned());
    }

    fn waits(&self, id: &str) -> Gate {
        let gate = Gate::closed();
        *self.0.waits.lock().expect("no panic while locked") = Some((id.to_owned(), gate.clone()));
        gate
    }

    /// How often an event was handled.
    fn runs_of(&self, id: &str) -> usize {
        self.0.runs.lock().expect("no panic while locked").get(id).copied().unwrap_or(0)
    }

    /// How often all of them were.
    fn runs(&self) -> usize {
        self.0.runs.lock().expect("no panic while locked").values().sum()
    }

    fn report(&self) -> BatchReport {
        let reports = self.0.reports.lock().expect("no panic while locked");
        reports.last().expect("a report").clone()
    }

    /// Completed, already processed, failed.
    fn counts(&self) -> (usize, usize, usize) {
        let report = self.report();
        (report.completed, report.already_processed, report.failures.len())
    }
}

fn event(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"fan.created","created":1640995200,"data":{{"fan":{{"id":"fan_1"}}}},"organization_id":"org_1"}}"#
    )
}

fn batch<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    let events: Vec<_> = ids.into_iter().map(event).collect();
    format!("[{}]", events.join(","))
}

fn hundred() -> Vec<String> {
    (0..100).map(|number| format!("evt_{number}")).collect()
}

fn numbered(range: std::ops::Range<usize>) -> String {
    let ids: Vec<_> = range.map(|number| format!("evt_{number}")).collect();
    batch(ids.iter().map(String::as_str))
}

async fn e05_batch_of_a_hundred(adapter: Adapter) {
    for wrapped in [false, true] {
        let (setup, work) = Work::on(adapter);
        let receiver = setup.start().await;
        let body = batch(hundred().iter().map(String::as_str));
        let body = if wrapped { format!(r#"{{"events": {body}}}"#) } else { body };
        let post = Post::new("d").body(body);
        receiver.deliver(&post).await.is(200, "");
        assert!(hundred().iter().all(|id| work.runs_of(id) == 1));
        receiver.deliver(&post).await.is(200, "Already processed");
        assert_eq!((receiver.runs(), work.runs()), (1, 100));
    }
}

async fn e05_one_event_is_a_batch_of_one(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("alone").body(event("evt_1"))).await.is(200, "");
    receiver.deliver(&Post::new("two").body(batch(["evt_1", "evt_2"]))).await.is(200, "");
    assert_eq!((work.runs_of("evt_1"), work.counts()), (1, (1, 1, 0)));
    for (id, body) in ["no JSON", "7", r#"{"id":"evt_3"}"#, "[1,]"].iter().enumerate() {
        let post = Post::new(&id.to_string()).body(*body);
        receiver.deliver(&post).await.is(400, "Malformed event");
    }
}

async fn e05_empty_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d").body("[]")).await.is(200, "");
    assert_eq!(work.report(), BatchReport::default());
}

async fn e06_one_event_fails(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    work.fails_once("evt_7");
    let post = Post::new("d").body(numbered(0..100));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    let failure = work.report().failures.remove(0);
    assert_eq!((failure.position, failure.event_id.as_deref()), (7, Some("evt_7")));
    assert_eq!((work.counts(), &*failure.reason), ((99, 0, 1), "no seat left"));

    receiver.deliver(&post).await.is(200, "");
    assert_eq!(work.counts(), (1, 99, 0));
    assert_eq!((work.runs_of("evt_7"), work.runs()), (2, 101));
}

async fn e06_one_event_panics(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    work.panics_once("evt_1");
    let post = Post::new("d").body(numbered(0..3));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert_eq!(work.report().failures[0].reason, "the handler panicked");
    receiver.deliver(&post).await.is(200, "");
    assert_eq!((work.runs_of("evt_1"), work.runs()), (2, 4));
}

/// The others need not wait for somebody to mend it.
async fn e06_one_event_is_malformed(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let bad_data = event("evt_2").replace("fan_1\"", "fan_1\",\"phone\":34");
    let body = format!("[{},7,{bad_data},{}]", event("evt_0"), event("evt_3"));
    let post = Post::new("d").body(body);
    for done in [(2, 0, 2), (0, 2, 2)] {
        receiver.deliver(&post).await.is(500, "Batch incomplete");
        assert_eq!(work.counts(), done);
    }
    let failures = work.report().failures;
    assert_eq!((failures[0].position, &failures[0].event_id), (1, &None));
    assert_eq!((failures[1].position, failures[1].event_id.as_deref()), (2, Some("evt_2")));
    assert!(failures[1].reason.contains("`data.fan.phone`"), "{}", failures[1].reason);
    assert_eq!((work.runs(), work.runs_of("evt_2")), (2, 0));
}

async fn e07_completed_in_another_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("one").body(numbered(0..3))).await.is(200, "");
    // Spelt otherwise, it is the same event.
    let body = numbered(1..5).replace("\"type\"", "  \"type\"");
    receiver.deliver(&Post::new("two").body(body)).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((2, 2, 0), 5));
}

/// An event's id is signed, and need not look like a header's.
async fn e07_an_id_of_any_text(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let long = "x".repeat(1000);
    let ids = ["", "é", " ", r"\u0000", &long];
    receiver.deliver(&Post::new("one").body(batch(ids))).await.is(200, "");
    receiver.deliver(&Post::new("two").body(batch(ids).replace(',', ", "))).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((0, 5, 0), 5));
}

async fn e08_in_flight_in_another_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let gate = work.waits("evt_1");
    let mut first = receiver.start(&Post::new("one").body(numbered(0..2))).await;
    eventually("evt_1 is in flight", || work.runs_of("evt_1") == 1).await;
    let second = Post::new("two").body(numbered(1..4));
    receiver.deliver(&second).await.is(500, "Batch incomplete");
    assert_eq!(work.counts(), (2, 0, 1));
    let reason = work.report().failures.remove(0).reason;
    assert!(reason.starts_with("in progress, its lease runs for another"), "{reason}");
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&second).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((0, 3, 0), 4));
}

async fn e08_the_same_event_twice_in_one_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let gate = work.waits("evt_1");
    let post = Post::new("d").body(batch(["evt_1", "evt_1"]));
    let mut connection = receiver.start(&post).await;
    eventually("evt_1 is in flight", || work.runs_of("evt_1") == 1).await;
    gate.let_pass(1);
    connection.reply().await.is(500, "Batch incomplete");
    receiver.deliver(&post).await.is(200, "");
    assert_eq!(work.runs(), 1);
}

/// A delivery id is not signed, and may be spelt like an event's.
async fn an_event_id_is_no_delivery_id(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("evt_1").body("[]")).await.is(200, "");
    receiver.deliver(&Post::new("d").body(batch(["evt_1", "d"]))).await.is(200, "");
    assert_eq!(work.runs(), 2);
}

async fn at_the_deadline_what_runs_goes_on_and_the_rest_is_left(adapter: Adapter) {
    let (setup, work) = Work::at_once(adapter, 1);
    let deadline = Duration::from_secs(1);
    let options =
        DedupeOptions::new().answer_deadline(deadline).store_timeout(Duration::from_millis(500));
    let receiver = setup.options(options).start().await;
    let gate = work.waits("evt_1");
    let post = Post::new("d").body(numbered(0..4));
    let begun = Instant::now();
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert!(begun.elapsed() >= deadline / 20 * 19);
    let reasons: Vec<_> = work.report().failures.into_iter().map(|f| f.reason).collect();
    assert!(reasons[0].starts_with("no answer by the deadline"), "{reasons:?}");
    assert!(reasons[1..].iter().all(|reason| reason.starts_with("not begun")), "{reasons:?}");
    assert_eq!((work.counts(), work.runs()), ((1, 0, 3), 2));

    // It still runs, under its lease; the retry takes up the rest.
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert_eq!(work.counts(), (2, 1, 1));
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&post).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((0, 4, 0), 4));
}

async fn so_many_at_a_time(adapter: Adapter) {
    for (concurrency, at_once) in [(0, 1), (1, 1), (3, 3), (200, 5)] {
        let (setup, gate) = Receiver::gated(adapter);
        let waiting = Arc::new(Mutex::new(0));
        let handler = {
            let (gate, waiting) = (gate.clone(), Arc::clone(&waiting));
            move |delivery: Delivery| {
                let (gate, waiting) = (gate.clone(), Arc::clone(&waiting));
                async move {
                    let on_event = move |_: Event| {
                        let (gate, waiting) = (gate.clone(), Arc::clone(&waiting));
                        async move {
                            *waiting.lock().expect("no panic while locked") += 1;
                            gate.pass().await;
                            Ok::<(), String>(())
                        }
                    };
                    let report = delivery.batch()?.process(concurrency, on_event).await;
                    report.into_result().map(|()| StatusCode::OK)
                }
            }
        };
        let receiver = setup.refusing_handler(handler).start().await;
        let mut connection = receiver.start(&Post::new("d").body(numbered(0..5))).await;
        let count = || *waiting.lock().expect("no panic while locked");
        eventually("as many as allowed have begun", || count() == at_once).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(count(), at_once, "and no more, of {concurrency}");
        gate.let_pass(5);
        connection.reply().await.is(200, "");
        assert_eq!(count(), 5);
    }
}

/// `max_in_flight` counts deliveries: it bounds the bodies held in memory.
async fn a_batch_needs_no_more_than_its_own_place(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.options(DedupeOptions::new().max_in_flight(1)).start().await;
    let gate = work.waits("evt_7");
    let mut connection = receiver.start(&Post::new("d").body(numbered(0..20))).await;
    eventually("evt_7 is in flight", || work.runs_of("evt_7") == 1).await;
    receiver.deliver(&Post::new("other").body(event("other"))).await.is(503, "Try again later");
    gate.let_pass(1);
    connection.reply().await.is(200, "");
    receiver.deliver(&Post::new("other").body(event("other"))).await.is(200, "");
    assert_eq!(work.runs(), 21);
}

async fn shutdown_waits_for_events(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let options = DedupeOptions::new()
        .answer_deadline(Duration::from_millis(400))
        .store_timeout(Duration::from_millis(300));
    let receiver = setup.options(options.max_in_flight(1)).start().await;
    let gate = work.waits("evt_0");
    receiver.deliver(&Post::new("d").body(numbered(0..1))).await.is(500, "Batch incomplete");
    let idle = tokio::time::timeout(Duration::from_millis(100), receiver.dedupe.wait_idle()).await;
    assert!(idle.is_err(), "an event is still at work");
    receiver.deliver(&Post::new("other").body(event("x"))).await.is(503, "Try again later");
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&Post::new("d").body(numbered(0..1))).await.is(200, "");
    assert_eq!(work.runs(), 1);
}

async fn the_store_fails_between_events(adapter: Adapter) {
    let store = FaultyStore::new(MemoryStore::new());
    let (setup, work) = Work::at_once(adapter, 1);
    let receiver = setup.store(store.clone()).start().await;
    let gate = work.waits("evt_1");
    let post = Post::new("d").body(numbered(0..3));
    let mut connection = receiver.start(&post).await;
    eventually("evt_1 is in flight", || work.runs_of("evt_1") == 1).await;
    store.fail_claims(Fault::Down);
    gate.let_pass(1);
    connection.reply().await.is(500, "Batch incomplete");
    assert_eq!(work.counts(), (2, 0, 1));
    assert!(work.report().failures[0].reason.starts_with("the store could not take the claim"));
    store.fail_claims(None);
    receiver.deliver(&post).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((1, 2, 0), 3));
}

async fn too_many_events(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let crumbs = vec!["0"; 500_000].join(",");
    let body = format!("[{crumbs}]");
    receiver.deliver(&Post::new("d").body(body)).await.is(400, "Malformed event");
    receiver.deliver(&Post::new("d2").body(numbered(0..1001))).await.is(400, "Malformed event");
    receiver.deliver(&Post::new("d3").body(numbered(0..1000))).await.is(200, "");
    assert_eq!(work.runs(), 1000);
}
