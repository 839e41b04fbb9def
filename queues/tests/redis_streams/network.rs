//! Networks that drop connections without a word, and slow ones.

use std::time::Duration;

use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::redis_streams::RedisStreams;
use nevent_webhooks_queues::{RetryPolicy, Select};

use crate::hand_over::noting;
use crate::proxy::Proxy;
use crate::scene::{Diary, Running, Scene, scope, worker};
use crate::server::Server;
use crate::support::eventually;
use crate::support::receiver::{app, spawn};
use crate::support::sender::{Sender, Sent};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receiver_and_worker_replace_connections_that_have_become_silent() {
    let (server, diary) = (Server::durable().await, Diary::default());
    let proxy = Proxy::before(&server).await;
    let [receiver, taking] = [proxy.url(), proxy.url()]
        .map(|url| async move { RedisStreams::connect(&url).await.expect("durable") });
    let (receiver, taking) = (receiver.await, taking.await);
    let sender = Sender::new(vec![spawn(app(receiver.queue(), receiver.store())).await]);
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    let running = Running::start(&once, worker(&taking), noting(&diary));
    for number in 0..3 {
        sender.deliver(&Sent::single(number)).await;
        let event = format!("evt_single_{number}");
        eventually("it is handled", async || diary.has(&event)).await;
        proxy.silence();
    }
    running.stop().await;
}

/// The server has counted a delivery, as if a worker had crashed with the entry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_was_lost_on_its_way_to_the_worker_runs_although_it_has_a_single_attempt() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let proxy = Proxy::before(&scene.server).await;
    let taking = RedisStreams::connect(&proxy.url()).await.expect("durable");
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    let single = worker(&taking).retry(RetryPolicy::new().attempts(1));
    let running = Running::start(&once, single.observer(diary.observer()), noting(&diary));
    let mut number = 0;
    loop {
        scene.sender.deliver(&Sent::single(number)).await;
        // The read under way is answered on a silent connection. If there is none, the next round tries again.
        let is_lost = number > 0 && !scene.pending().await.is_empty();
        let event = format!("evt_single_{number}");
        eventually("it ends", async || diary.lines().iter().any(|line| line.contains(&event)))
            .await;
        if is_lost {
            break;
        }
        number += 1;
        proxy.silence();
    }
    running.stop().await;
    let mut events = diary.lines();
    events.retain(|line| line != "server failed");
    let all: Vec<_> = (0..=number).map(|number| format!("evt_single_{number}")).collect();
    assert_eq!(events, all);
}

const LARGE: usize = 16;

pub fn large(number: usize) -> (String, String) {
    let (id, filling) = (format!("evt_large_{number}"), "x".repeat(100_000));
    let body = format!(
        r#"{{"id":"{id}","type":"fan.created","created":1640995200,"data":{{"note":"{filling}"}}}}"#
    );
    (id, body)
}

/// All of them in one answer would take 8 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_entries_arrive_over_a_slow_network_and_so_do_dead_letters() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let proxy = Proxy::before(&scene.server).await;
    let slow = RedisStreams::connect(&proxy.url()).await.expect("durable");
    proxy.throttle(200_000);
    let bodies: Vec<_> = (0..LARGE).map(large).collect();
    for (id, body) in &bodies {
        scene.sender.until_accepted(id, body).await;
    }
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    let runs = Diary::default();
    let noted = noting(&runs);
    let failing = move |envelope: Envelope, claim| {
        let _ = noted(envelope, claim).into_inner();
        std::future::ready(Err("fails".to_owned()))
    };
    let policy = RetryPolicy::new().first(Duration::from_millis(100)).attempts(2);
    let observed = worker(&slow).retry(policy).observer(diary.observer());
    let running = Running::start(&once, observed, failing);
    eventually("all are dead letters", async || scene.depth().await == 0).await;
    running.stop().await;
    for (id, _) in &bodies {
        assert!(diary.has(&format!("dead {id} failed 2")), "{id}: {:?}", diary.lines());
        // An answer that did not arrive in time is an attempt, too.
        assert!(runs.has(id), "{id} is a dead letter and never ran");
    }
    let dead = slow.dead_letters(&scope());
    let replayed = dead.replay(Select::Id("evt_large_15")).await.expect("a slow network");
    assert_eq!((replayed, scene.depth().await), (1, 1));
    let running = Running::start(&once, worker(&slow), noting(&diary));
    eventually("it is handled", async || diary.has("evt_large_15")).await;
    running.stop().await;
}
