//! d22, d23: a Redis that is far away or silent, and receivers whose thread or process stands
//! still, on axum and actix.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::RedisStore;
use nevent_webhooks::{DedupeOptions, Delivery, Incident};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::support::acceptance::{Gate, Post, Receiver};
use crate::support::receiver_process::Plan;
use crate::support::{
    Adapter, Ledger, Proxy, ReceiverProcess, Sender, Server, delivery_id, eventually,
};

/// How often the handler of each delivery has begun, at whichever receiver.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<HashMap<String, usize>>>);

impl Runs {
    fn begun(&self, delivery: &Delivery) {
        let mut runs = self.0.lock().expect("no panic while locked");
        *runs.entry(delivery.id().to_string()).or_default() += 1;
    }

    fn of(&self, id: &str) -> usize {
        self.0.lock().expect("no panic while locked").get(id).copied().unwrap_or(0)
    }
}

fn post(id: &str) -> Post {
    Post::new(id).body(format!("the body of {id}"))
}

/// Leases of three seconds.
fn short_leases() -> DedupeOptions {
    let seconds = Duration::from_secs_f64;
    DedupeOptions::new()
        .lease(seconds(3.0))
        .response_deadline(seconds(1.0))
        .store_timeout(seconds(0.9))
}

const OTHERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// One handler blocks its thread while the claims of others on it are on their way.
#[tokio::test(flavor = "multi_thread")]
async fn d22_claims_read_by_a_thread_that_was_blocked_on_axum() {
    claims_read_by_a_thread_that_was_blocked(Adapter::Axum).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d22_claims_read_by_a_thread_that_was_blocked_on_actix() {
    claims_read_by_a_thread_that_was_blocked(Adapter::Actix).await;
}

async fn claims_read_by_a_thread_that_was_blocked(adapter: Adapter) {
    let (server, runs) = (Server::start().await, Runs::default());
    let proxy = Proxy::before(server.address()).await;
    let (gate, (unblock, wait_for)) = (Gate::closed(), mpsc::channel());
    let first = on_a_thread_of_its_own(BlockedReceiver {
        adapter,
        redis_url: server.url_through(proxy.address()),
        runs: runs.clone(),
        gate: gate.clone(),
        wait_for: Arc::new(Mutex::new(wait_for)),
    })
    .await;
    let connections = proxy.accepted();
    let keys = async || server.command::<usize>(&["DBSIZE"]).await;
    // Redis knows the scripts then, which would cost more delays.
    first.deliver(&post("before")).await.is(200, "");
    let of_one = keys().await;
    let blocker = first.start(&post("blocker")).await;
    eventually("the blocker runs", async || runs.of("blocker") == 1).await;
    proxy.delay(Duration::from_millis(400)).await;
    let mut waiting = Vec::new();
    for id in OTHERS {
        waiting.push(first.start(&post(id)).await);
    }
    let all = of_one * (2 + OTHERS.len());
    eventually("they are claimed, and not yet answered", async || keys().await == all).await;
    gate.let_pass(1);

    let second =
        Receiver::on(adapter).store(RedisStore::connect(&server.url()).await.expect("a server"));
    let (second, counted) = (second.options(short_leases()), runs.clone());
    let second = second.handler(move |delivery| {
        counted.begun(&delivery);
        async { StatusCode::OK }
    });
    let second = second.start().await;
    for id in OTHERS {
        eventually("a retry is done elsewhere", async || {
            second.deliver(&post(id)).await.status == 200
        })
        .await;
    }
    proxy.pass().await;
    unblock.send(()).expect("it waits for that");
    for connection in &mut waiting {
        let reply = connection.reply().await;
        assert!([200, 503].contains(&reply.status), "{reply:?}");
    }
    first.idle().await;
    drop(blocker);
    for id in OTHERS {
        assert_eq!(runs.of(id), 1, "{id}");
    }
    // With actix, another thread may have taken some of them.
    let too_late = first.incidents(Incident::ClaimedTooLate);
    assert!(too_late >= 1, "no claim was read late");
    assert_eq!(first.incidents(Incident::LeaseLost), 1, "the blocker's own");
    assert_eq!(proxy.accepted(), connections, "a connection that answered was replaced");
}

struct BlockedReceiver {
    adapter: Adapter,
    redis_url: String,
    runs: Runs,
    gate: Gate,
    wait_for: Arc<Mutex<mpsc::Receiver<()>>>,
}

/// All of a receiver on one thread, which a handler can block.
async fn on_a_thread_of_its_own(plan: BlockedReceiver) -> Arc<Receiver> {
    let (told, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let BlockedReceiver { adapter, redis_url, runs, gate, wait_for } = plan;
            let store = RedisStore::connect(&redis_url).await.expect("a server");
            let setup = Receiver::on(adapter).store(store).options(short_leases());
            let setup = setup.handler(move |delivery| {
                runs.begun(&delivery);
                let (gate, wait_for) = (gate.clone(), Arc::clone(&wait_for));
                async move {
                    if delivery.id().as_str() == "blocker" {
                        gate.pass().await;
                        let _ = wait_for.lock().expect("no panic while locked").recv();
                    }
                    StatusCode::OK
                }
            });
            let receiver = Arc::new(setup.start().await);
            told.send(receiver).unwrap_or_else(|_| panic!("awaited"));
            std::future::pending::<()>().await;
        });
    });
    receiver.await.expect("it starts")
}

/// A process that is stopped reads, when it goes on, what was answered long ago. (A handler
/// is busy meanwhile, or the timers might be looked at first.)
#[tokio::test(flavor = "multi_thread")]
async fn d22_claims_read_by_a_process_that_was_stopped_on_axum() {
    claims_read_by_a_process_that_was_stopped(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d22_claims_read_by_a_process_that_was_stopped_on_actix() {
    claims_read_by_a_process_that_was_stopped(true).await;
}

async fn claims_read_by_a_process_that_was_stopped(on_actix: bool) {
    let (server, ledger) = (Server::start().await, Ledger::default());
    let proxy = Proxy::before(server.address()).await;
    // Short enough that the senders still wait when the process goes on.
    let (lease, delay) = (Duration::from_millis(900), Duration::from_millis(120));
    let plan = Plan::new(&server.url_through(proxy.address()));
    let plan = Plan { lease, blocks_for: lease, on_actix, ..plan };
    let stopped = ReceiverProcess::of(&plan, &ledger);
    let other = ReceiverProcess::start(&server.url(), Duration::ZERO, &ledger);
    let sender = Sender::new(&[other.address()], Duration::from_millis(20), &ledger);
    proxy.delay(delay).await;
    let send = |id: String| {
        let (sender, receiver) = (sender.clone(), stopped.address());
        tokio::spawn(async move { sender.attempt_at(receiver, &id).await })
    };
    let mut late = vec![send("blocker".to_owned())];
    sleep(delay / 2).await;
    late.extend((0..8).map(|number| send(delivery_id(number))));
    eventually("the blocker runs", async || ledger.times_begun("blocker") == 1).await;
    stopped.pause();
    sleep(lease).await;
    for id in (0..8).map(delivery_id) {
        eventually("a retry is done elsewhere", async || sender.attempt(&id).await).await;
    }
    proxy.pass().await;
    stopped.resume();
    for attempt in late {
        let _ = attempt.await.expect("no panic");
    }
    // Whatever it has read is judged by then.
    eventually("it works again", async || sender.attempt_at(stopped.address(), "afterwards").await)
        .await;
    for id in (0..8).map(delivery_id) {
        assert_eq!((ledger.times_begun(&id), ledger.times_done(&id)), (1, 1), "{id}");
    }
}

/// With the default options: a lease of 30 s. The first renewal is due at 9 s, and the second
/// falls into the silence.
#[tokio::test(flavor = "multi_thread")]
async fn d23_fifteen_seconds_of_silence_cost_no_lease() {
    let server = Server::start().await;
    let on = |adapter| silence_costs_no_lease(&server, adapter);
    tokio::join!(on(Adapter::Axum), on(Adapter::Actix));
}

async fn silence_costs_no_lease(server: &Server, adapter: Adapter) {
    let scope = format!("{adapter:?}");
    let proxy = Proxy::before(server.address()).await;
    let store = RedisStore::connect(&server.url_through(proxy.address())).await.expect("a server");
    let (setup, gate) = Receiver::gated(adapter);
    let first = setup.scope(&scope).store(store).start().await;
    let store = RedisStore::connect(&server.url()).await.expect("a server");
    let second = Receiver::on(adapter).scope(&scope).store(store).start().await;
    let mut connection = first.start(&post("d")).await;
    eventually("the handler runs", async || first.runs() == 1).await;
    connection.reply().await.is(503, "Still processing");
    sleep(Duration::from_millis(5500)).await;
    proxy.stall().await;
    sleep(Duration::from_secs(15)).await;
    proxy.pass().await;
    // The leases of the claim and of the first renewal would be over.
    sleep(Duration::from_secs(12)).await;
    second.deliver(&post("d")).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    first.idle().await;
    second.deliver(&post("d")).await.is(200, "Already processed");
    assert_eq!((first.runs(), second.runs()), (1, 0));
    assert_eq!(first.incidents(Incident::LeaseLost), 0);
}
