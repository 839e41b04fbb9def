//! Metrics of the whole process, which have no scope. One test reads them, so that no other changes them
//! meanwhile: the ages of events, which others read as well, are compared with at least so many.

use axum::http::StatusCode;
use nevent_webhooks::store::MemoryStore;

use crate::counted::{Counted, page};
use crate::support::{Adapter, Asks, Post, Receiver};

/// The value of the line that begins so.
fn value(series: &str) -> i64 {
    let page = page();
    let mut lines = page.lines().filter_map(|line| line.strip_prefix(series));
    let value = lines.find_map(|rest| rest.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a whole number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ages_odd_fields_and_evictions() {
    let counted = Counted::new();
    let setup = Receiver::on(Adapter::Axum)
        .store(MemoryStore::with_capacity(1).expect("room"))
        .asking_for(Asks::Event, |received| async move {
            // Read once more: the age counts once.
            received.delivery.event::<nevent_webhooks::EventData>()?;
            received.event.expect("asked for").map(|_| StatusCode::OK)
        });
    let receiver = counted.both_layers(setup, |options| options).start().await;
    let hour_ago = receiver.now() - 3600;
    let odd = |id: &str| {
        format!(
            r#"{{"id":"{id}","type":"fan.deleted","created":{hour_ago},"data":{{"fan":{{"id":"f","phone":[7]}}}}}}"#
        )
    };
    let age = "nevent_webhooks_event_age_seconds";
    let buckets = || [r#"{le="10"}"#, r#"{le="+Inf"}"#].map(|le| format!("{age}_bucket{le}"));
    let [young, all] = buckets().map(|bucket| value(&bucket));
    for id in ["evt_1", "evt_2"] {
        receiver.deliver(&Post::new(id).body(odd(id))).await.is(200, "");
    }
    receiver.deliver(&Post::new("no").body("{}")).await.is(400, "Malformed event");
    assert_eq!(value(r#"nevent_webhooks_unread_fields_total{field="fan.phone"}"#), 4);
    assert_eq!(value("nevent_webhooks_records_evicted_total"), 2);
    let [young_now, all_now] = buckets().map(|bucket| value(&bucket));
    assert!(young_now == young && all_now >= all + 2, "{}", page());
}
