use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::*;
use crate::observe::{Observation, Outcome};
use crate::queue::Envelope;
use crate::store::{Claim, Fingerprint, MemoryStore, RecordKind, Scope};
use crate::testing::SignedDelivery;
use crate::{ClaimState, DedupeOptions, DeliveryId, Secret};

fn secret() -> Secret {
    Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").expect("a secret")
}

fn envelope(id: &str, body: &str) -> Envelope {
    Envelope::of(&SignedDelivery::new(&secret(), id, body).verified(&secret()).expect("genuine"))
}

fn event(id: &str) -> Envelope {
    envelope("d-1", &format!(r#"{{"id":"{id}","type":"ping","created":1640995200}}"#))
}

fn once() -> Once {
    Once::new("tickets", MemoryStore::new()).expect("a scope")
}

/// With a lease of 300 ms.
fn quick() -> DedupeOptions {
    let millis = Duration::from_millis;
    DedupeOptions::new().lease(millis(300)).store_timeout(millis(50))
}

type Outcomes = Arc<std::sync::Mutex<Vec<&'static str>>>;

/// Options that write down the outcomes.
fn recorded(options: DedupeOptions) -> (DedupeOptions, Outcomes) {
    let outcomes = Outcomes::default();
    let seen = Arc::clone(&outcomes);
    let observer = move |observation: &Observation<'_>| {
        if !matches!(observation.outcome, Outcome::StoreAnswered { .. }) {
            seen.lock().unwrap().push(observation.outcome.as_str());
        }
    };
    (options.observer(observer), outcomes)
}

async fn succeed(_: Envelope, _: ClaimHandle) -> Result<u32, String> {
    Ok(7)
}

async fn fail(_: Envelope, _: ClaimHandle) -> Result<u32, String> {
    Err("no seat left".to_owned())
}

async fn panicking(_: Envelope, _: ClaimHandle) -> Result<u32, String> {
    panic!("a handler's bug")
}

async fn never(_: Envelope, _: ClaimHandle) -> Result<u32, String> {
    pending().await
}

#[tokio::test]
async fn a_handler_that_succeeded_is_not_run_again() {
    let (once, entry) = (once(), event("evt_1"));
    assert_eq!(once.event(&entry, succeed).await, Handled::Done(7));
    assert_eq!(once.event(&entry, succeed).await, Handled::AlreadyDone);
    assert_eq!(once.event(&event("evt_2"), succeed).await, Handled::Done(7));
}

#[tokio::test]
async fn after_a_failure_or_a_panic_the_next_try_runs_the_handler() {
    let (once, entry) = (once(), event("evt_1"));
    assert_eq!(once.event(&entry, fail).await, Handled::Failed("no seat left".to_owned()));
    assert_eq!(once.event(&entry, panicking).await, Handled::Panicked);
    let at_once = |_: Envelope, _: ClaimHandle| -> std::future::Ready<Result<u32, String>> {
        panic!("before there is a future")
    };
    assert_eq!(once.event(&entry, at_once).await, Handled::Panicked);
    assert_eq!(once.event(&entry, succeed).await, Handled::Done(7));
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_at_its_timeout_and_released() {
    let (once, entry) = (once(), event("evt_1"));
    assert_eq!(once.event(&entry, never).await, Handled::TimedOut);
    assert_eq!(once.incidents(Incident::HandlerTimedOut), 1);
    assert_eq!(once.event(&entry, succeed).await, Handled::Done(7));
}

/// Without a renewal from the start, the second consumer would get the entry.
#[tokio::test]
async fn the_lease_is_renewed_from_the_start() {
    let store = Arc::new(MemoryStore::new());
    let once = Once::with_options("tickets", Arc::clone(&store), quick()).unwrap();
    let other = Once::with_options("tickets", store, quick().share_scope()).unwrap();
    let entry = event("evt_1");
    let slow = |_, _| async {
        sleep(Duration::from_millis(1500)).await;
        Ok::<_, String>(7)
    };
    let racing = async {
        for _ in 0..4 {
            sleep(Duration::from_millis(300)).await;
            let handled = other.event(&entry, succeed).await;
            assert!(matches!(handled, Handled::InProgress { .. }), "{handled:?}");
        }
    };
    let (handled, ()) = tokio::join!(once.event(&entry, slow), racing);
    assert_eq!(handled, Handled::Done(7));
    assert_eq!(once.incidents(Incident::LeaseLost), 0);
}

#[tokio::test]
async fn a_dropped_future_continues_and_is_no_news() {
    let (options, outcomes) = recorded(DedupeOptions::new());
    let once = Once::with_options("tickets", MemoryStore::new(), options).unwrap();
    let entry = event("evt_1");
    let (open, gate) = oneshot::channel::<()>();
    let waits = move |_, _| async move { gate.await.map(|()| 7).map_err(|_| "closed") };
    timeout(Duration::from_millis(50), once.event(&entry, waits)).await.expect_err("it waits");
    let handled = once.event(&entry, succeed).await;
    assert!(matches!(handled, Handled::InProgress { lease } if lease > Duration::from_secs(20)));
    assert_eq!(handled.retry_after().map(|pause| pause > Duration::from_secs(20)), Some(true));
    open.send(()).expect("it still waits");
    once.wait_idle().await;
    assert_eq!(once.event(&entry, succeed).await, Handled::AlreadyDone);
    let seen = outcomes.lock().unwrap().clone();
    assert_eq!(seen, ["claimed", "duplicate", "handler_succeeded", "duplicate"]);
}

#[tokio::test]
async fn observers_are_told_which_entry_it_is() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let inside = Arc::clone(&seen);
    let observer = move |observation: &Observation<'_>| {
        if let Outcome::HandlerFailed { error, .. } = observation.outcome {
            let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
            let delivery = observation.delivery_id.map(DeliveryId::as_str);
            let entry = [delivery, observation.event_id, observation.event_type, error].map(text);
            inside.lock().unwrap().push(entry.join(" "));
        }
    };
    let options = DedupeOptions::new().observer(observer);
    let once = Once::with_options("tickets", MemoryStore::new(), options).unwrap();
    assert!(!once.event(&event("evt_1"), fail).await.is_done());
    assert!(!once.event(&envelope("d-2", "7"), fail).await.is_done());
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, ["d-1 evt_1 ping no seat left", "d-2 - - no seat left"]);
}

#[tokio::test]
async fn more_handlers_than_allowed_are_refused() {
    let options = DedupeOptions::new().max_in_flight(1);
    let once = Once::with_options("tickets", MemoryStore::new(), options).unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let inside = Arc::clone(&gate);
    let waits = move |_, _| async move {
        inside.acquire().await.expect("open").forget();
        Ok::<_, String>(7)
    };
    let (entry, other) = (event("evt_1"), event("evt_2"));
    let second = async {
        let handled = once.event(&other, succeed).await;
        gate.add_permits(1);
        handled
    };
    let (first, second) = tokio::join!(once.event(&entry, waits), second);
    assert_eq!(first, Handled::Done(7));
    assert_eq!(second, Handled::Refused(crate::Rejection::TooManyInFlight { limit: 1 }));
    assert_eq!(second.retry_after(), Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_completion_that_the_store_does_not_confirm_is_not_believed() {
    let (once, entry) = (once(), event("evt_1"));
    let staged = |_, claim: ClaimHandle| async move {
        claim.set_state(ClaimState::Staged);
        Ok::<_, String>(7)
    };
    assert_eq!(once.event(&entry, staged).await, Handled::NotCommitted);
    assert_eq!(once.event(&entry, succeed).await, Handled::Done(7));
}

/// The same text as an event's id, as a delivery's, and as that of a part of a delivery.
#[tokio::test]
async fn ids_of_events_and_deliveries_are_apart() {
    let once = once();
    let batch = r#"[7,{"id":"x","type":"ping","created":1},7]"#;
    let sent = SignedDelivery::new(&secret(), "x", batch).verified(&secret()).unwrap();
    let mut entries = Envelope::split(&sent);
    entries.push(envelope("x", "7"));
    entries.push(envelope("0:x", "7"));
    let long = "x".repeat(128);
    entries.push(envelope(&long, "7"));
    entries.push(event(&long));
    for _ in 0..2 {
        let ids: std::collections::HashSet<_> = entries.iter().map(Envelope::claim_id).collect();
        assert_eq!(ids.len(), entries.len());
    }
    for entry in &entries {
        assert_eq!(once.event(entry, succeed).await, Handled::Done(7), "{entry:?}");
    }
}

/// Whatever ids the receiver has completed, even those that look like the consumer's.
#[tokio::test]
async fn the_receivers_records_are_not_the_consumers() {
    let store = Arc::new(MemoryStore::new());
    let once = Once::new("tickets", Arc::clone(&store)).unwrap();
    let entry = event("evt_1");
    for id in [entry.claim_id(), entry.id().clone()] {
        for kind in [RecordKind::Delivery, RecordKind::Event] {
            let fingerprint = Fingerprint::of(id.as_str().as_bytes());
            let scope = Scope::new("tickets").unwrap();
            let claim = Claim { kind, ..Claim::new(scope, id.clone(), fingerprint) };
            store.claim(&claim).await.unwrap();
            store.complete(&claim).await.unwrap();
        }
    }
    assert_eq!(once.event(&entry, succeed).await, Handled::Done(7));
}

#[tokio::test]
async fn a_scope_has_one_consumer_beside_its_receiver() {
    let store = Arc::new(MemoryStore::new());
    let _receiver = crate::DedupeLayer::new("tickets", Arc::clone(&store)).unwrap();
    let once = Once::new("tickets", Arc::clone(&store)).unwrap();
    let second = Once::new("tickets", Arc::clone(&store)).unwrap_err();
    assert!(matches!(second, OptionsError::ScopeInUse { .. }));
    assert!(second.to_string().contains("\"tickets\""), "{second}");
    drop(once);
    assert!(Once::new("tickets", store).is_ok());
}

#[tokio::test]
async fn a_tenants_entries_have_records_of_their_own() {
    let once = once();
    let of = |tenant: &str| {
        let json = event("evt_1").to_json();
        let tenant = format!(r#","tenant":"{tenant}","body""#);
        Envelope::from_json(json.replacen(",\"body\"", &tenant, 1)).unwrap()
    };
    for entry in [event("evt_1"), of("acme"), of("globex")] {
        assert_eq!(once.event(&entry, succeed).await, Handled::Done(7));
        assert_eq!(once.event(&entry, succeed).await, Handled::AlreadyDone);
    }
}
