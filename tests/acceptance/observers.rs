//! What observers are told of each answer.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::DedupeOptions;
use nevent_webhooks::observe::Observation;
use nevent_webhooks::store::{MemoryStore, Scope};

use crate::support::receiver::Setup;
use crate::support::recorder::Recorder;
use crate::support::work::{Work, event};
use crate::support::{Adapter, Fault, FaultyStore, Post, Receiver, eventually, rows};

rows!(
    a_delivery_and_its_repeat,
    what_is_forged_or_stale,
    a_repeat_in_flight,
    a_replay_and_a_conflict,
    a_handler_that_fails,
    a_handler_that_panics,
    a_handler_behind_the_deadline,
    a_handler_whose_client_left,
    a_handler_that_times_out,
    a_store_that_fails_and_recovers,
    a_lease_is_renewed_and_lost,
    an_end_that_is_recorded_late,
    events_of_a_batch,
    what_an_extractor_refuses,
    one_observer_panics,
    both_layers_name_the_scope,
);

/// Told by both layers.
fn observed(setup: Setup, options: DedupeOptions) -> (Setup, Recorder) {
    let recorder = Recorder::default();
    let verify = recorder.clone();
    let setup = setup.verify(move |layer| layer.observer(verify));
    (setup.options(options.observer(recorder.clone())), recorder)
}

fn on(adapter: Adapter) -> (Setup, Recorder) {
    observed(Receiver::on(adapter), DedupeOptions::new())
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn short() -> DedupeOptions {
    DedupeOptions::new().store_timeout(ms(250)).response_deadline(ms(300)).lease(ms(900))
}

async fn a_delivery_and_its_repeat(adapter: Adapter) {
    let (setup, recorder) = on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d").event("fan.created")).await.is(200, "");
    let all: Vec<_> = recorder.all().into_iter().map(|observed| observed.outcome).collect();
    let first = ["verified", "store_answered claim", "claimed", "handler_succeeded"];
    assert_eq!(all, [&first[..], &["store_answered complete"]].concat());
    assert!(recorder.all().iter().all(|observed| observed.delivery.as_deref() == Some("d")));
    assert!(recorder.all().iter().all(|o| o.event_type.as_deref() == Some("fan.created")));
    assert!(recorder.all().iter().all(|observed| observed.scheme.as_deref() == Some("nevent")));
    recorder.take();
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(recorder.take(), ["verified", "duplicate", "rejected 200"]);
}

async fn what_is_forged_or_stale(adapter: Adapter) {
    let (setup, recorder) = on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d").but_send("{}")).await.is(401, "Invalid signature");
    receiver.deliver(&Post::new("d").age(301)).await.is(401, "Timestamp too old");
    receiver.deliver(&Post::new("d").without_id()).await.is(400, "Missing delivery id");
    assert_eq!(recorder.outcomes(), ["rejected 401", "rejected 401", "rejected 400"]);
    assert!(recorder.all().iter().all(|o| o.delivery.is_none() && o.scheme.is_none()));
}

async fn a_repeat_in_flight(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let (setup, recorder) = observed(setup, DedupeOptions::new());
    let receiver = setup.start().await;
    let mut first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    recorder.take();
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    assert_eq!(recorder.take(), ["verified", "duplicate in flight", "rejected 409"]);
    gate.let_pass(1);
    first.reply().await.is(200, "");
    assert_eq!(recorder.take(), ["handler_succeeded"]);
}

async fn a_replay_and_a_conflict(adapter: Adapter) {
    let (setup, recorder) = on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("one")).await.is(200, "");
    recorder.take();
    receiver.deliver(&Post::new("two")).await.is(200, "Already processed");
    assert_eq!(recorder.take(), ["verified", "replay of one", "duplicate", "rejected 200"]);
    receiver.deliver(&Post::new("one").body("{}")).await.is(422, "Delivery id reused");
    assert_eq!(recorder.take(), ["verified", "conflict", "rejected 422"]);
}

async fn a_handler_that_fails(adapter: Adapter) {
    let (setup, recorder) = on(adapter);
    let receiver = setup.handler(|_| async { StatusCode::BAD_GATEWAY }).start().await;
    receiver.deliver(&Post::new("d")).await.is(502, "");
    assert_eq!(recorder.take(), ["verified", "claimed", "handler_failed 502"]);
}

async fn a_handler_that_panics(adapter: Adapter) {
    let (setup, recorder) = on(adapter);
    let receiver = setup.handler(|_| async { panic!("a handler's bug") }).start().await;
    receiver.deliver(&Post::new("d")).await.is(500, "Internal server error");
    assert_eq!(recorder.take(), ["verified", "claimed", "handler_panicked", "rejected 500"]);
}

/// The outcomes of handlers in the background do not look alike.
async fn a_handler_behind_the_deadline(adapter: Adapter) {
    for (status, end) in [(200, "handler_succeeded"), (500, "handler_failed 500")] {
        let (setup, gate) = Receiver::gated(adapter);
        let setup = setup.handler({
            let gate = gate.clone();
            move |_| {
                let gate = gate.clone();
                async move {
                    gate.pass().await;
                    StatusCode::from_u16(status).expect("a status")
                }
            }
        });
        let (setup, recorder) = observed(setup, short());
        let receiver = setup.start().await;
        receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
        let due = ["verified", "claimed", "moved_to_background response_due", "rejected 503"];
        assert_eq!(without_renewals(&recorder), due);
        gate.let_pass(1);
        receiver.idle().await;
        assert_eq!(without_renewals(&recorder), [format!("{end} in the background")]);
    }
}

/// On a busy machine there may be renewals in between.
fn without_renewals(recorder: &Recorder) -> Vec<String> {
    recorder.take().into_iter().filter(|outcome| outcome != "lease_renewed").collect()
}

async fn a_handler_whose_client_left(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let (setup, recorder) = observed(setup, DedupeOptions::new());
    let receiver = setup.start().await;
    let connection = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    connection.reset();
    let left = "moved_to_background client_left".to_owned();
    eventually("the client is known to have left", || recorder.outcomes().contains(&left)).await;
    gate.let_pass(1);
    receiver.idle().await;
    let last = recorder.take().pop();
    assert_eq!(last.as_deref(), Some("handler_succeeded in the background"));
}

async fn a_handler_that_times_out(adapter: Adapter) {
    let (setup, _gate) = Receiver::gated(adapter);
    let (setup, recorder) = observed(setup, short().handler_timeout(ms(1000)));
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    receiver.idle().await;
    assert!(recorder.outcomes().iter().any(|outcome| outcome == "handler_timed_out"));
}

async fn a_store_that_fails_and_recovers(adapter: Adapter) {
    let store = FaultyStore::new(MemoryStore::with_capacity(100).expect("room"));
    let (setup, recorder) = on(adapter);
    let receiver = setup.store(store.clone()).start().await;
    store.fail_claims(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    eventually("the claim was given back", || store.releases() == 1).await;
    let told = recorder.take();
    assert_eq!(told[..3], ["verified", "store_failed claim", "rejected 503"], "{told:?}");
    store.fail_claims(None);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    store.fail_finalizations(Fault::Down);
    let mut late = receiver.start(&Post::new("e").body("{}")).await;
    let failed = "store_failed complete".to_owned();
    eventually("a completion has failed", || recorder.outcomes().contains(&failed)).await;
    store.fail_finalizations(None);
    late.reply().await.is(200, "");
    let last = recorder.take().pop().expect("outcomes");
    assert!(last.starts_with("store_recovered after "), "{last}");
}

async fn a_lease_is_renewed_and_lost(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let store = FaultyStore::new(MemoryStore::with_capacity(100).expect("room"));
    let (setup, recorder) = observed(setup.store(store.clone()), short());
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    let saw = |outcome: &str| recorder.outcomes().iter().any(|seen| seen == outcome);
    eventually("the lease is renewed", || saw("lease_renewed")).await;
    store.fail_renewals(Fault::Down);
    eventually("a renewal fails", || saw("store_failed renew")).await;
    tokio::time::sleep(ms(1000)).await;
    gate.let_pass(1);
    receiver.idle().await;
    assert!(saw("lease_lost"), "{:?}", recorder.outcomes());
}

async fn an_end_that_is_recorded_late(adapter: Adapter) {
    let store = FaultyStore::new(MemoryStore::with_capacity(100).expect("room"));
    let (setup, recorder) = on(adapter);
    let receiver = setup.store(store.clone()).start().await;
    store.fail_finalizations(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert!(recorder.take().iter().any(|outcome| outcome == "finalized_late"));
    store.fail_finalizations(None);
    receiver.idle().await;
}

async fn events_of_a_batch(adapter: Adapter) {
    let (setup, work) = Work::at_once(adapter, 1);
    let (setup, recorder) = observed(setup, DedupeOptions::new());
    let receiver = setup.start().await;
    work.fails_once("evt_2");
    let body = format!("[{},{},7]", event("evt_1"), event("evt_2"));
    receiver.deliver(&Post::new("d").body(body)).await.is(500, "Batch incomplete");
    let all = recorder.all();
    let of = |event: Option<&str>| -> Vec<_> {
        let its = all.iter().filter(|observed| observed.event.as_deref() == event);
        its.map(|o| &*o.outcome).filter(|o| !o.starts_with("store_answered")).collect()
    };
    assert_eq!(of(Some("evt_1")), ["claimed", "handler_succeeded"]);
    assert_eq!(of(Some("evt_2")), ["claimed", "handler_failed no seat left"]);
    let rest = ["verified", "claimed", "event_unreadable at 2", "handler_failed 500"];
    assert_eq!(of(None), [&rest[..], &["rejected 500"]].concat());
    let mut of_events = all.iter().filter(|observed| observed.event.is_some());
    assert!(of_events.all(|o| o.event_type.as_deref() == Some("fan.created")), "{all:?}");
    assert!(all.iter().all(|observed| observed.delivery.as_deref() == Some("d")));
    recorder.take();
    let again = format!("[{}]", event("evt_1"));
    receiver.deliver(&Post::new("e").body(again)).await.is(200, "");
    assert!(recorder.take().contains(&"duplicate".to_owned()));
}

async fn what_an_extractor_refuses(adapter: Adapter) {
    let (setup, recorder) = observed(Work::on(adapter).0, DedupeOptions::new());
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d").body("no JSON")).await.is(400, "Malformed event");
    let told = ["verified", "claimed", "handler_failed 400", "rejected 400"];
    assert_eq!(recorder.take(), told);
}

async fn one_observer_panics(adapter: Adapter) {
    let panics = |_: &Observation<'_>| panic!("an observer's bug");
    let (setup, recorder) = observed(Receiver::on(adapter), DedupeOptions::new().observer(panics));
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(recorder.take().len(), 6);
}

async fn both_layers_name_the_scope(adapter: Adapter) {
    let recorder = Recorder::default();
    let (verify, dedupe) = (recorder.clone(), recorder.clone());
    let scope = Scope::new("tickets").expect("a name");
    let setup = Receiver::on(adapter).verify(move |layer| layer.observer(verify).scope(scope));
    let receiver = setup.options(DedupeOptions::new().observer(dedupe)).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d").but_send("{}")).await.is(401, "Invalid signature");
    assert!(recorder.all().iter().all(|o| o.scope.as_deref() == Some("tickets")));
}
