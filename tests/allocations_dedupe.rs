//! How often `DedupeLayer` allocates for a delivery, to the number.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{SystemTime, UNIX_EPOCH};

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::routing::{MethodRouter, post};
use http::Request;
use nevent_webhooks::store::{Claim, Fingerprint, MemoryStore, Scope, SharedStore};
use nevent_webhooks::{
    DedupeLayer, DeliveryId, ReplayKey, Secret, Signer, Store, Verifier, VerifyLayer,
};
use tower::Service;

#[path = "support/secrets.rs"]
mod secrets;

use secrets::{SECRET, secret};

/// The attempt, the claim, and the work. A permit allocates only when events share it.
const OF_THE_LAYER: u64 = 3;

/// How many deliveries are counted. The least counts, because now and then a table grows.
const DELIVERIES: u8 = 60;

#[test]
fn the_layer_allocates_three_times_and_what_its_store_needs() {
    // For the timer of a body that has to wait.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let secret = secret(SECRET);
    let verify = || VerifyLayer::new(Verifier::new(secret.clone()));
    let dedupe = DedupeLayer::new("tickets", one_shard()).expect("a scope");
    let verified = of_a_delivery(&secret, post(handle).route_layer(verify()));
    let both = of_a_delivery(&secret, post(handle).route_layer((verify(), dedupe)));
    assert_eq!(both, verified + OF_THE_LAYER + of_the_store());
}

/// In several shards, every delivery might be the first of its shard.
fn one_shard() -> MemoryStore {
    MemoryStore::with_capacity(1000).expect("room")
}

async fn handle() {}

fn of_a_delivery(secret: &Secret, route: MethodRouter) -> u64 {
    let mut router = Router::new().route("/", route);
    let mut least = u64::MAX;
    for number in 0..DELIVERIES {
        let request = request(secret, number);
        let info = measure(|| {
            let response = now(router.call(request)).expect("infallible");
            assert_eq!(response.status(), 200);
        });
        least = least.min(info.count_total);
    }
    least
}

fn request(secret: &Secret, number: u8) -> Request<Body> {
    let body = vec![number; 1024];
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let time = i64::try_from(since.as_secs()).expect("a time");
    Request::post("/")
        .header("x-nevent-signature", Signer::new(secret).header(time, &body))
        .header("x-nevent-delivery", format!("delivery-{number}"))
        .body(Body::from(body))
        .expect("a request")
}

/// The claim and the completion in a store that is alone.
fn of_the_store() -> u64 {
    let store = SharedStore::new(one_shard());
    let scope = Scope::new("tickets").expect("a scope");
    let mut least = u64::MAX;
    for number in 0..DELIVERIES {
        let id = DeliveryId::new(format!("delivery-{number}")).expect("an id");
        let mut claim = Claim::new(scope.clone(), id, Fingerprint::of(&[number]));
        claim.replay_keys = [ReplayKey::from_bytes([number; 16])].into();
        let info = measure(|| {
            assert!(now(store.claim(&claim)).is_ok());
            assert!(now(store.complete(&claim)).is_ok());
        });
        least = least.min(info.count_total);
    }
    least
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing has to wait"),
    }
}
