//! Rows on deduplication with the store in Redis, on every adapter. Rows that a driven clock
//! decides are tested with the in-memory store, because Redis uses the server's clock.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::RedisStore;
use nevent_webhooks::{Batch, DedupeOptions, Event, Incident, ManualClock};

use crate::support::Server;
use crate::support::acceptance::receiver::Setup;
use crate::support::acceptance::{Adapter, Gate, Post, Receiver, eventually, rows};

rows!(
    d01_repeat_after_success,
    d04_many_at_once_on_two_receivers,
    d05_failure_then_repeat,
    d07_replay_on_another_receiver,
    d08_conflict_on_another_receiver,
    d09_client_hangs_up,
    d12_lost_record_is_completed,
    d12_lease_taken_by_another,
    d14_down_then_up,
    d17_scopes,
    e06_a_batch_is_finished_on_another_receiver,
    e08_in_flight_on_another_receiver,
);

async fn store(server: &Server) -> RedisStore {
    RedisStore::connect(&server.url()).await.expect("a server")
}

/// Two receivers, each with a connection of its own to one server. (And one clock, or
/// what is signed for the one and for the other could differ.)
async fn two(server: &Server, setup: impl Fn() -> Setup) -> (Receiver, Receiver) {
    let clock = ManualClock::now();
    let one = setup().clock(&clock).store(store(server).await).start().await;
    let other = setup().clock(&clock).store(store(server).await).start().await;
    (one, other)
}

async fn d01_repeat_after_success(adapter: Adapter) {
    let server = Server::start().await;
    let (one, other) = two(&server, || Receiver::on(adapter)).await;
    one.deliver(&Post::new("d")).await.is(200, "");
    one.deliver(&Post::new("d")).await.is(200, "Already processed");
    other.deliver(&Post::new("d").age(10)).await.is(200, "Already processed");
    assert_eq!((one.runs(), other.runs()), (1, 0));
}

async fn d04_many_at_once_on_two_receivers(adapter: Adapter) {
    let server = Server::start().await;
    let (one, other) = two(&server, || Receiver::on(adapter)).await;
    let (post, receivers) = (Post::new("d"), [&one, &other]);
    let replies = (0..50).map(|n| receivers[n % 2].deliver(&post));
    for reply in futures_util::future::join_all(replies).await {
        assert!([200, 409].contains(&reply.status), "{reply:?}");
    }
    assert_eq!(one.runs() + other.runs(), 1);
}

async fn d05_failure_then_repeat(adapter: Adapter) {
    let server = Server::start().await;
    let fails = |_| async { StatusCode::BAD_GATEWAY };
    let (one, _) = two(&server, || Receiver::on(adapter).handler(fails)).await;
    let (_, other) = two(&server, || Receiver::on(adapter)).await;
    one.deliver(&Post::new("d")).await.is(502, "");
    other.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!((one.runs(), other.runs()), (1, 1));
}

async fn d07_replay_on_another_receiver(adapter: Adapter) {
    let server = Server::start().await;
    let (one, other) = two(&server, || Receiver::on(adapter)).await;
    one.deliver(&Post::new("first").age(10)).await.is(200, "");
    other.deliver(&Post::new("replay").age(10)).await.is(200, "Already processed");
    assert_eq!((other.runs(), other.incidents(Incident::Replay)), (0, 1));
}

async fn d08_conflict_on_another_receiver(adapter: Adapter) {
    let server = Server::start().await;
    let (one, other) = two(&server, || Receiver::on(adapter)).await;
    one.deliver(&Post::new("d")).await.is(200, "");
    other.deliver(&Post::new("d").body("another")).await.is(422, "Delivery id reused");
    assert_eq!((other.runs(), other.incidents(Incident::Conflict)), (0, 1));
}

async fn d09_client_hangs_up(adapter: Adapter) {
    let server = Server::start().await;
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.store(store(&server).await).start().await;
    let connection = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    connection.reset();
    eventually("it goes on alone", || receiver.incidents(Incident::MovedToBackground) == 1).await;
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

/// The server lost the record while the handler ran, and nobody took the delivery.
async fn d12_lost_record_is_completed(adapter: Adapter) {
    let server = Server::start().await;
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.store(store(&server).await).start().await;
    let mut connection = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    server.command::<()>(&["FLUSHALL"]).await;
    gate.let_pass(1);
    connection.reply().await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), receiver.incidents(Incident::LeaseLost)), (1, 0));
}

/// A handler that outlives its lease, since its renewals do not arrive, and ends
/// after another receiver has taken the delivery.
async fn d12_lease_taken_by_another(adapter: Adapter) {
    let server = Server::start().await;
    let (setup, late) = Receiver::gated(adapter);
    let first = setup.store(store(&server).await).start().await;
    let (setup, gate) = Receiver::gated(adapter);
    let second = setup.store(store(&server).await).start().await;
    let mut connection = first.start(&Post::new("d")).await;
    eventually("the handler runs", || first.runs() == 1).await;
    server.command::<()>(&["DEL", "nevent:{tickets}dd"]).await; // As if it had expired.
    let mut other = second.start(&Post::new("d")).await;
    eventually("another runs", || second.runs() == 1).await;

    late.let_pass(1);
    connection.reply().await.is(200, "");
    assert_eq!(first.incidents(Incident::LeaseLost), 1);
    second.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    other.reply().await.is(200, "");
    first.deliver(&Post::new("d")).await.is(200, "Already processed");
}

async fn d14_down_then_up(adapter: Adapter) {
    let server = Server::start().await;
    let setup = Receiver::on(adapter).store(store(&server).await);
    let receiver = setup.options(DedupeOptions::new()).start().await;
    server.kill();
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
        assert!(begun.elapsed() < Duration::from_secs(1), "at once, not at the timeout");
    }
    assert_eq!((receiver.runs(), receiver.incidents(Incident::StoreFailed)), (0, 5));
    server.restart().await;
    // The first works, unless this machine is too busy to connect within 150 ms.
    let mut tries = 1;
    while receiver.deliver(&Post::new("d")).await.status == 503 {
        tries += 1;
        assert!(tries < 20, "still refused");
    }
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

async fn d17_scopes(adapter: Adapter) {
    let server = Server::start().await;
    let one = Receiver::on(adapter).scope("tickets").store(store(&server).await).start().await;
    let other = Receiver::on(adapter).scope("fans").store(store(&server).await).start().await;
    one.deliver(&Post::new("d")).await.is(200, "");
    other.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!((one.runs(), other.runs()), (1, 1));
}

fn event(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"x.y","created":1,"data":{{}},"organization_id":"org_1"}}"#)
}

/// Processes batches; an event whose id has this in it waits at the gate, and fails.
fn processing(setup: Setup, fails: &'static str, gate: &Gate) -> Setup {
    let gate = gate.clone();
    setup.batch_handler(move |batch: Batch| {
        let gate = gate.clone();
        async move {
            let on_event = move |event: Event| {
                let gate = gate.clone();
                async move {
                    if !event.id.contains(fails) {
                        return Ok(());
                    }
                    gate.pass().await;
                    Err("as told")
                }
            };
            let report = batch.process(4, on_event).await;
            let done = StatusCode::from_u16(200 + u16::try_from(report.completed).expect("few"));
            report.into_result().map(|()| done.expect("a status"))
        }
    })
}

async fn e06_a_batch_is_finished_on_another_receiver(adapter: Adapter) {
    let server = Server::start().await;
    let open = Gate::closed();
    open.let_pass(10);
    let one = processing(Receiver::on(adapter), "evt_2", &open).store(store(&server).await);
    let other = processing(Receiver::on(adapter), "none", &open).store(store(&server).await);
    let (one, other) = (one.start().await, other.start().await);
    let body = format!("[{},{},{}]", event("evt_1"), event("evt_2"), event("evt_3"));
    one.deliver(&Post::new("d").body(&*body)).await.is(500, "Batch incomplete");
    other.deliver(&Post::new("d").body(&*body)).await.is(201, ""); // One event: the one that failed.
    other.deliver(&Post::new("d").body(&*body)).await.is(200, "Already processed");
    // Apart from the delivery ids, with a retention of their own.
    let keys: Vec<String> = server.command(&["KEYS", "nevent:{tickets}eevt_*"]).await;
    assert_eq!(keys.len(), 3, "{keys:?}");
    let left = server.command::<i64>(&["TTL", &keys[0]]).await;
    assert!((23 * 3600..=24 * 3600).contains(&left), "{left}");
}

async fn e08_in_flight_on_another_receiver(adapter: Adapter) {
    let server = Server::start().await;
    let gate = Gate::closed();
    let one = processing(Receiver::on(adapter), "evt_1", &gate).store(store(&server).await);
    let other = processing(Receiver::on(adapter), "none", &gate).store(store(&server).await);
    let (one, other) = (one.start().await, other.start().await);
    let mut first = one.start(&Post::new("one").body(event("evt_1"))).await;
    let claimed = "nevent:{tickets}eevt_1";
    let is_claimed = async || server.command::<bool>(&["EXISTS", claimed]).await;
    crate::support::eventually("evt_1 is in flight", is_claimed).await;
    let body = format!("[{},{}]", event("evt_1"), event("evt_2"));
    other.deliver(&Post::new("two").body(&*body)).await.is(500, "Batch incomplete");
    gate.let_pass(1);
    first.reply().await.is(500, "Batch incomplete");
    other.deliver(&Post::new("two").body(&*body)).await.is(201, "");
}
