//! d17: whose a scope is.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, Response};
use nevent_webhooks::store::{MemoryStore, Scope};
use nevent_webhooks::{
    Clock, DedupeLayer, DedupeOptions, Delivery, OptionsError, Signer, SystemClock, VerifiedBody,
    Verifier, VerifyLayer,
};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::support::receiver::secret;
use crate::support::{EVENT, SECRET};

/// Two endpoints under one scope would swallow each other's deliveries.
#[test]
fn d17_a_scope_belongs_to_one_endpoint() {
    let store = Arc::new(MemoryStore::with_capacity(10).expect("room"));
    let made = |scope, options| DedupeLayer::with_options(scope, Arc::clone(&store), options);
    let first = made("tickets", DedupeOptions::new()).expect("the first");
    let error = made("tickets", DedupeOptions::new()).expect_err("the second");
    assert_eq!(error, OptionsError::ScopeInUse { scope: Scope::new("tickets").expect("a scope") });
    let message = error.to_string();
    assert!(message.starts_with("another layer has the scope \"tickets\" in this"), "{message}");
    assert!(made("tickets", DedupeOptions::new().share_scope()).is_ok(), "meant so");
    assert!(made("shop", DedupeOptions::new()).is_ok(), "another scope");
    assert!(DedupeLayer::new("tickets", MemoryStore::new()).is_ok(), "another store");
    // Each worker of a server may make its own layer.
    let elsewhere = || made("tickets", DedupeOptions::new()).is_ok();
    assert!(std::thread::scope(|scope| scope.spawn(elsewhere).join()).expect("no panic"));
    let clone = first.clone();
    drop(first);
    assert!(made("tickets", DedupeOptions::new()).is_err(), "the first lives on");
    drop(clone);
    assert!(made("tickets", DedupeOptions::new()).is_ok(), "nobody else has it");
}

/// A delivery that a handler has kept is no layer.
#[tokio::test]
async fn d17_a_scope_is_free_when_its_layers_are_gone() {
    let store = Arc::new(MemoryStore::with_capacity(10).expect("room"));
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let dedupe = DedupeLayer::new("tickets", Arc::clone(&store)).expect("the first");
    let verify = VerifyLayer::new(Verifier::new(secret(SECRET)));
    let handle = service_fn(move |request: Request<VerifiedBody>| {
        let delivery = request.extensions().get::<Delivery>().cloned();
        *keep.lock().expect("no panic while locked") = delivery;
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    });
    let service = ServiceBuilder::new().layer((verify, dedupe)).service(handle);
    let now = SystemClock.unix_seconds();
    let request = Request::post("/")
        .header("x-nevent-signature", Signer::new(&secret(SECRET)).header(now, EVENT))
        .header("x-nevent-delivery", "d")
        .body(Body::from(EVENT))
        .expect("a request");
    service.oneshot(request).await.expect("infallible");
    assert!(kept.lock().expect("no panic while locked").is_some());
    assert!(DedupeLayer::new("tickets", store).is_ok(), "the layers are gone");
}
