//! d01–d04, d12, d15–d17: what counts as a repeat, and what is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::store::{MemoryStore, Scope};
use nevent_webhooks::{
    DedupeLayer, DedupeOptions, Incident, ManualClock, OptionsError, Verifier, VerifyLayer,
};

use crate::support::receiver::secret;
use crate::support::{Adapter, Post, Receiver, SECRET, eventually, rows};

rows!(
    d01_repeat_after_success,
    d02_repeat_signed_afresh,
    d03_repeat_in_flight,
    d04_fifty_at_once,
    d12_lease_expired_and_taken,
    d12_lease_expired_and_untaken,
    d15_least_recently_seen_is_evicted,
    d15_all_in_flight,
    d16_after_the_retention,
    d17_two_scopes_in_one_store,
);

async fn d01_repeat_after_success(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

async fn d02_repeat_signed_afresh(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.clock.advance(Duration::from_secs(60));
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

async fn d03_repeat_in_flight(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    // The only permit for handlers is taken: a repeat must not wait for one.
    let receiver = setup.concurrency_limit(1).start().await;
    let mut first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    let reply = receiver.deliver(&Post::new("d")).await;
    reply.is(409, "Delivery in progress");
    assert_eq!(reply.header("retry-after"), Some("30"));
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

async fn d04_fifty_at_once(adapter: Adapter) {
    let slow = |_| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        StatusCode::ACCEPTED
    };
    let receiver = Receiver::on(adapter).handler(slow).start().await;
    let mut connections = Vec::new();
    for _ in 0..50 {
        connections.push(receiver.start(&Post::new("d")).await);
    }
    let mut handled = 0;
    for connection in &mut connections {
        let reply = connection.reply().await;
        match reply.status {
            202 => handled += 1,
            200 => reply.is(200, "Already processed"),
            _ => reply.is(409, "Delivery in progress"),
        }
    }
    assert_eq!((handled, receiver.runs()), (1, 1));
}

async fn d12_lease_expired_and_taken(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let mut first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    receiver.clock.advance(Duration::from_secs(31));
    let mut second = receiver.start(&Post::new("d")).await;
    eventually("the retry runs", || receiver.runs() == 2).await;
    gate.let_pass(1);
    first.reply().await.is(200, "");
    assert_eq!(receiver.incidents(Incident::LeaseLost), 1);
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    second.reply().await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.incidents(Incident::LeaseLost), 1);
}

async fn d12_lease_expired_and_untaken(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let mut first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    receiver.clock.advance(Duration::from_secs(31));
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0);
}

fn numbered(n: usize) -> Post {
    Post::new(&format!("d{n}")).body(format!("body {n}"))
}

async fn d15_least_recently_seen_is_evicted(adapter: Adapter) {
    let clock = ManualClock::now();
    let store = Arc::new(MemoryStore::with_capacity(3).expect("room").clock(clock.clone()));
    let receiver = Receiver::on(adapter).clock(&clock).store(Arc::clone(&store)).start().await;
    for n in 0..3 {
        receiver.deliver(&numbered(n)).await.is(200, "");
    }
    clock.advance(Duration::from_secs(10));
    receiver.deliver(&numbered(0)).await.is(200, "Already processed");
    receiver.deliver(&numbered(3)).await.is(200, "");
    for remembered in [0, 2, 3] {
        receiver.deliver(&numbered(remembered)).await.is(200, "Already processed");
    }
    assert_eq!(store.stats().evicted, 1);
    assert_eq!(store.stats().youngest_evicted, Some(Duration::from_secs(10)));
    receiver.deliver(&numbered(1)).await.is(200, "");
    assert_eq!(receiver.runs(), 5);
}

async fn d15_all_in_flight(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let store = Arc::new(MemoryStore::with_capacity(2).expect("room"));
    let receiver = setup.store(Arc::clone(&store)).start().await;
    let mut first = receiver.start(&numbered(0)).await;
    let mut second = receiver.start(&numbered(1)).await;
    eventually("both handlers run", || receiver.runs() == 2).await;
    receiver.deliver(&numbered(2)).await.is(503, "Try again later");
    receiver.deliver(&numbered(0)).await.is(409, "Delivery in progress");
    assert_eq!(receiver.incidents(Incident::StoreFull), 1);
    gate.let_pass(3);
    first.reply().await.is(200, "");
    second.reply().await.is(200, "");
    receiver.deliver(&numbered(2)).await.is(200, "");
    assert_eq!(receiver.runs(), 3);
    assert_eq!((store.stats().in_flight, store.stats().completed), (0, 2));
}

async fn d16_after_the_retention(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.clock.advance(Duration::from_secs(24 * 3600 - 1));
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    receiver.clock.advance(Duration::from_secs(1));
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!(receiver.runs(), 2);
}

async fn d17_two_scopes_in_one_store(adapter: Adapter) {
    let clock = ManualClock::now();
    let store = Arc::new(MemoryStore::new().clock(clock.clone()));
    let on = |scope| Receiver::on(adapter).clock(&clock).store(Arc::clone(&store)).scope(scope);
    let (tickets, fans) = (on("tickets").start().await, on("fans").start().await);
    for receiver in [&tickets, &fans] {
        receiver.deliver(&Post::new("d")).await.is(200, "");
        receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
        assert_eq!(receiver.runs(), 1);
    }
}

#[test]
fn d16_short_retention_is_refused() {
    let with = |retention| {
        let options = DedupeOptions::new().retention(retention);
        DedupeLayer::with_options("d", MemoryStore::new(), options)
    };
    assert!(with(Duration::from_secs(9 * 3600)).is_ok());
    let error = with(Duration::from_secs(9 * 3600 - 1)).expect_err("too short");
    assert!(matches!(error, OptionsError::RetentionTooShort { .. }));
    let options = DedupeOptions::new().retention(Duration::from_secs(1));
    let options = options.dangerously_allow_short_retention();
    assert!(DedupeLayer::with_options("d", MemoryStore::new(), options).is_ok());
}

/// The figures that the rows name.
#[test]
fn defaults_are_those_of_the_table() {
    let options = format!("{:?}", DedupeOptions::new());
    let figures = "max_in_flight: 1024, run_when_store_fails: false";
    assert!(options.contains(figures), "{options}");
    let (terms, seconds) = (Scheme::nevent().terms(), Duration::from_secs);
    assert_eq!(terms.response_deadline(), seconds(9));
    assert_eq!(terms.body_timeout(), seconds(8));
    assert_eq!(terms.least_retention(), seconds(9 * 3600));
    assert_eq!(terms.retention(), seconds(24 * 3600));
    assert_eq!(terms.most_bytes(), 1_048_576);
    let verify = format!("{:?}", VerifyLayer::new(Verifier::new(secret(SECRET))));
    assert!(verify.contains("Tolerance { past: 300s, future: 300s }"), "{verify}");
}

#[test]
fn dangerous_options_are_refused() {
    let with = |options| DedupeLayer::with_options("d", MemoryStore::new(), options);
    let (ok, ms) = (DedupeOptions::new, Duration::from_millis);
    let lease = with(ok().lease(ms(26_999)));
    assert!(matches!(lease, Err(OptionsError::LeaseTooShort { .. })));
    assert!(with(ok().lease(ms(27_000))).is_ok());
    for store_timeout in [ms(0), ms(9_000)] {
        let store_timeout = with(ok().store_timeout(store_timeout));
        assert!(matches!(store_timeout, Err(OptionsError::StoreTimeout { .. })));
    }
    let handler_timeout = with(ok().handler_timeout(ms(8_999)));
    assert!(matches!(handler_timeout, Err(OptionsError::HandlerTimeoutTooShort { .. })));
    assert!(matches!(with(ok().max_in_flight(0)), Err(OptionsError::NoneInFlight)));
}

#[test]
fn d17_scopes_must_be_plain_names() {
    for scope in ["", "{a}", "a{", "a\n", &"x".repeat(129)] {
        assert!(Scope::new(scope).is_err(), "{scope:?}");
        assert!(matches!(DedupeLayer::new(scope, MemoryStore::new()), Err(OptionsError::Scope(_))));
    }
}
