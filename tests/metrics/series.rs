//! Which series there are, from when on, and whose they are.

use axum::body::Body;
use axum::http::{Request, Response};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Incident, VerifiedBody, Verifier, VerifyLayer};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::counted::{Counted, EARLY, page};
use crate::support::secrets::{secret, signature};
use crate::support::{Adapter, EVENT, Post, Receiver, SECRET};

/// Sends a delivery through the layers.
async fn deliver(dedupe: &DedupeLayer) {
    let verify = VerifyLayer::new(Verifier::new(secret(SECRET)));
    let handler = service_fn(|_: Request<VerifiedBody>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    });
    let service = ServiceBuilder::new().layer((verify, dedupe.clone())).service(handler);
    let request = Request::post("/").header("x-nevent-signature", signature(EVENT));
    let request = request.header("x-nevent-delivery", "d").body(Body::from(EVENT));
    let response = service.oneshot(request.expect("a request")).await.expect("infallible");
    assert_eq!(response.status(), 200);
}

#[track_caller]
fn shows(line: &str) {
    let page = page();
    assert!(page.lines().any(|shown| shown == line), "{line} is not on this page:\n{page}");
}

/// Not after its first request: the guide says so.
#[tokio::test]
async fn an_exporter_may_be_installed_after_the_layers_are_made() {
    let _ = page();
    deliver(EARLY.get().expect("made before the exporter")).await;
    shows(r#"nevent_webhooks_in_flight{scope="early"} 0"#);
    shows(r#"nevent_webhooks_deliveries_total{scope="early",scheme="nevent",outcome="claimed"} 1"#);
    // The layer above has no scope, and is not the only one.
    let verified =
        r#"nevent_webhooks_deliveries_total{scope="-",scheme="nevent",outcome="verified"} "#;
    assert!(page().lines().any(|line| line.starts_with(verified)), "{}", page());
}

#[tokio::test]
async fn layers_with_different_scopes_have_series_of_their_own() {
    let (mut one, mut other) = (Counted::new(), Counted::new());
    let layer = |of: &Counted| DedupeLayer::new(of.scope(), MemoryStore::new()).expect("a scope");
    let layers = (layer(&one), layer(&other));
    let handled = [
        "deliveries_total nevent claimed",
        "deliveries_total nevent handler_succeeded",
        "events_total other handler_succeeded",
        "handler_duration_seconds handler_succeeded",
        "store_duration_seconds claim ok",
        "store_duration_seconds complete ok",
    ];
    deliver(&layers.0).await;
    one.moved(&[&handled]).await;
    other.moved(&[]).await;
    deliver(&layers.1).await;
    other.moved(&[&handled]).await;
    one.moved(&[]).await;
}

/// Otherwise the first increment would be invisible to `rate` and `increase`.
#[tokio::test]
async fn series_begin_with_0() {
    let counted = Counted::new();
    let setup = counted.both_layers(Receiver::on(Adapter::Axum), |options| options);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    for incident in Incident::ALL {
        let series = format!("incidents_total {}", incident.as_str());
        assert_eq!(counted.value(&series), Some(0), "{series}");
    }
    for outcome in ["duplicate", "duplicate_in_flight", "handler_failed", "event_type_mismatch"] {
        let series = format!("deliveries_total nevent {outcome}");
        assert_eq!(counted.value(&series), Some(0), "{series}");
    }
}

/// The sender chooses the header's text.
#[tokio::test]
async fn no_type_but_a_documented_one_is_a_label() {
    let counted = Counted::new();
    let setup = counted.both_layers(Receiver::on(Adapter::Axum), |options| options);
    let receiver = setup.start().await;
    for (id, event) in [("a", "x.y"), ("b", "x.z"), ("c", "fan.created"), ("d", "\"}")] {
        receiver.deliver(&Post::new(id).event(event).body(id)).await.is(200, "");
    }
    let of = |name: &str| counted.value(&format!("events_total {name} handler_succeeded"));
    assert_eq!((of("other"), of("fan.created"), of("x.y")), (Some(3), Some(1), None));
}
