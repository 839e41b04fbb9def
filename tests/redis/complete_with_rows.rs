//! Deliveries that the handler completes together with its effects in Redis, on every adapter.

use axum::http::StatusCode;
use nevent_webhooks::store::{RedisEffects, RedisStore};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{
    Batch, ClaimHandle, Delivery, Event, Incident, ManualClock, Rejection, RequestHead, Store,
    Tenant, Verifier, VerifyLayer, VerifyOptions,
};

use crate::support::SECRET;
use crate::support::acceptance::receiver::{Setup, secret};
use crate::support::acceptance::{Adapter, Post, Receiver, rows};
use crate::support::held::{Bench, taken_by_another};

rows!(
    d26_effect_and_record_commit_together,
    d27_a_claim_that_is_no_longer_held,
    d27_a_record_that_is_missing,
    d28_refused_effects,
    a_refusal_that_the_handler_ignores,
    a_second_call_in_one_attempt,
    events_of_a_batch,
    a_tenants_keys,
);

pub type Result = std::result::Result<StatusCode, Rejection>;

const SALES: &str = "{tickets}:sales";
const SOLD: &str = "{tickets}:sold";

pub fn sale(id: &str) -> RedisEffects {
    RedisEffects::new().xadd(SALES, [("delivery", id)]).incr_by(SOLD, 1)
}

/// The effects so far: entries of the stream, and the counter.
pub async fn sold(bench: &Bench) -> (String, String) {
    (bench.read(&["XLEN", SALES]).await, bench.read(&["GET", SOLD]).await)
}

pub fn times(count: usize) -> (String, String) {
    (count.to_string(), if count == 0 { String::new() } else { count.to_string() })
}

pub fn receiver<F>(
    adapter: Adapter,
    store: &RedisStore,
    handler: impl Fn(RedisStore, Delivery) -> F + Send + Sync + 'static,
) -> Setup
where
    F: Future<Output = Result> + Send + 'static,
{
    let own = store.clone();
    Receiver::on(adapter)
        .store(store.clone())
        .refusing_handler(move |delivery| handler(own.clone(), delivery))
}

pub fn claim_of(delivery: &Delivery) -> &ClaimHandle {
    delivery.claim().expect("claimed")
}

/// Sells, and returns errors with `?`.
pub async fn sell(store: RedisStore, delivery: Delivery) -> Result {
    store.complete_with(claim_of(&delivery), sale(delivery.id().as_str())).await?;
    Ok(StatusCode::OK)
}

async fn d26_effect_and_record_commit_together(adapter: Adapter) {
    let bench = Bench::start().await;
    let receiver = receiver(adapter, &bench.store, |store, delivery| async move {
        sell(store, delivery).await?;
        // Whatever happens now, the delivery is done.
        Ok(StatusCode::BAD_GATEWAY)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(502, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), sold(&bench).await), (1, times(1)));
}

async fn d27_a_claim_that_is_no_longer_held(adapter: Adapter) {
    let bench = Bench::start().await;
    let receiver = receiver(adapter, &bench.store, |store, delivery| async move {
        taken_by_another(&store, claim_of(&delivery).claim()).await;
        sell(store, delivery).await
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    assert_eq!((receiver.runs(), sold(&bench).await), (1, times(0)));
}

/// The server lost it, or the lease expired and nobody took the delivery: the retry runs again.
async fn d27_a_record_that_is_missing(adapter: Adapter) {
    let bench = Bench::start().await;
    let first = std::sync::atomic::AtomicBool::new(true);
    let receiver = receiver(adapter, &bench.store, move |store, delivery| {
        let is_first = first.swap(false, std::sync::atomic::Ordering::SeqCst);
        async move {
            if is_first {
                store.release(claim_of(&delivery).claim()).await.expect("a server");
            }
            sell(store, delivery).await
        }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    assert_eq!(sold(&bench).await, times(0));
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!((receiver.runs(), sold(&bench).await), (2, times(1)));
}

/// Nothing was executed, so the delivery is released, and the retry runs once the key is mended.
async fn d28_refused_effects(adapter: Adapter) {
    let bench = Bench::start().await;
    bench.server.command::<()>(&["SET", SOLD, "many"]).await;
    let receiver = receiver(adapter, &bench.store, sell).start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
        assert_eq!((receiver.runs(), bench.read(&["XLEN", SALES]).await), (runs, "0".to_owned()));
    }
    bench.server.command::<()>(&["DEL", SOLD]).await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!((receiver.runs(), sold(&bench).await), (3, times(1)));
    assert_eq!(receiver.incidents(Incident::NotCommitted), 0);
}

async fn a_refusal_that_the_handler_ignores(adapter: Adapter) {
    let bench = Bench::start().await;
    let receiver = receiver(adapter, &bench.store, |store, delivery| async move {
        let effects = RedisEffects::new().rpush("sales", "x");
        let refused = store.complete_with(claim_of(&delivery), effects).await;
        assert!(matches!(refused, Err(CompleteError::Refused(_))), "{refused:?}");
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
        assert_eq!(
            (receiver.runs(), receiver.incidents(Incident::NotCommitted)),
            (runs, runs as u64)
        );
    }
}

async fn a_second_call_in_one_attempt(adapter: Adapter) {
    let bench = Bench::start().await;
    let receiver = receiver(adapter, &bench.store, |store, delivery| async move {
        sell(store.clone(), delivery.clone()).await?;
        sell(store, delivery).await
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), sold(&bench).await), (1, times(1)));
}

fn event(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"x.y","created":1,"data":{{}},"organization_id":"org_1"}}"#)
}

/// Each event is completed with its own effects. `evt_2` fails the first time.
async fn events_of_a_batch(adapter: Adapter) {
    let bench = Bench::start().await;
    bench.server.command::<()>(&["RPUSH", "{tickets}:evt_2", "not a set"]).await;
    let store = bench.store.clone();
    let setup = Receiver::on(adapter).store(store.clone()).batch_handler(move |batch: Batch| {
        let store = store.clone();
        async move {
            let on_event = move |event: Event, claim: ClaimHandle| {
                let store = store.clone();
                async move {
                    let key = RedisEffects::key(claim.scope(), &event.id);
                    store.complete_with(&claim, sale(&event.id).sadd(key, "x")).await
                }
            };
            batch.process_claimed(4, on_event).await.into_result().map(|()| StatusCode::OK)
        }
    });
    let receiver = setup.start().await;
    let body = format!("[{},{},{}]", event("evt_1"), event("evt_2"), event("evt_3"));
    receiver.deliver(&Post::new("d").body(&*body)).await.is(500, "Batch incomplete");
    assert_eq!(sold(&bench).await, times(2));
    bench.server.command::<()>(&["DEL", "{tickets}:evt_2"]).await;
    receiver.deliver(&Post::new("d").body(&*body)).await.is(200, "");
    let others = format!("[{},{},{}]", event("evt_3"), event("evt_2"), event("evt_1"));
    receiver.deliver(&Post::new("other").body(others)).await.is(200, "");
    assert_eq!(sold(&bench).await, times(3));
}

/// A tenant's scope has a control character in it. `RedisEffects::key` writes it, and the error for
/// another key shows it.
async fn a_tenants_keys(adapter: Adapter) {
    let bench = Bench::start().await;
    let clock = ManualClock::now();
    let acme = Tenant::new("acme", Verifier::new(secret(SECRET))).expect("a name");
    let acme_alone = move |_: &RequestHead<'_>| Some(acme.clone());
    let options = VerifyOptions::new().clock(clock.clone());
    let receiver = receiver(adapter, &bench.store, |store, delivery| async move {
        let claim = claim_of(&delivery);
        let shared = store.complete_with(claim, sale("d")).await.expect_err("the endpoint's key");
        let source = std::error::Error::source(&shared).expect("a reason").to_string();
        assert!(source.ends_with(r#"such as "{tickets\u{2}acme}:tickets:sales""#), "{source}");
        let key = RedisEffects::key(claim.scope(), "sales");
        store.complete_with(claim, RedisEffects::new().rpush(key, "x")).await?;
        Ok(StatusCode::OK)
    });
    let layer = VerifyLayer::per_tenant(acme_alone, options);
    let receiver = receiver.clock(&clock).verify_layer(layer).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(bench.read(&["LLEN", "{tickets\u{2}acme}:sales"]).await, "1");
    assert_eq!(sold(&bench).await, times(0));
}
