//! Handlers that fail, dead letters, and their replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::Envelope;
use nevent_webhooks_queues::Select;

use crate::hand_over::{QUEUE, noting};
use crate::scene::{Diary, Running, Scene};
use crate::support::eventually;
use crate::support::sender::event_json;

/// Fails as long as it is told to.
pub fn failing(
    fails: &Arc<AtomicBool>,
) -> impl Fn(Envelope, ClaimHandle) -> std::future::Ready<Result<(), String>> + Clone + use<> {
    let fails = Arc::clone(fails);
    move |_, _| {
        let failed = fails.load(Ordering::SeqCst).then(|| "no seat left".to_owned());
        std::future::ready(failed.map_or(Ok(()), Err))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_fails_is_tried_again_and_then_a_dead_letter_and_then_replayed() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    let fails = Arc::new(AtomicBool::new(true));
    let worker = scene.worker().observer(diary.observer());
    let running = Running::start(&scene.once(), worker, failing(&fails));
    eventually("a dead letter", async || diary.has("dead evt_1 failed 3")).await;
    let expected = ["retry evt_1 failed 1 100", "retry evt_1 failed 2 200", "dead evt_1 failed 3"];
    assert_eq!(diary.lines(), expected);
    let letters = scene.dead().list(10_000).await.expect("a list");
    assert_eq!((letters.len(), scene.depth().await), (1, 0));
    assert_eq!((letters[0].reason(), letters[0].attempts()), ("failed", 3));
    assert_eq!(letters[0].event_type(), Some("fan.created"));
    assert_eq!(letters[0].envelope().expect("an envelope").body(), event_json("evt_1").as_bytes());
    assert!(!format!("{letters:?}").contains("1640995200"), "a payload: {letters:?}");

    fails.store(false, Ordering::SeqCst);
    assert_eq!(scene.dead().replay(Select::All).await.expect("a server"), 1);
    eventually("it is done", async || scene.depth().await == 0).await;
    running.stop().await;
    assert!(scene.dead().list(10_000).await.expect("a list").is_empty());
    assert_eq!(diary.lines(), expected, "no further failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_a_failure_and_success_after_it_ends_the_retries() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    let first = Arc::new(AtomicBool::new(true));
    let handler = move |_: Envelope, _: ClaimHandle| {
        assert!(!first.swap(false, Ordering::SeqCst), "a handler's bug");
        std::future::ready(Ok(()))
    };
    let running = Running::start(&scene.once(), scene.worker().observer(diary.observer()), handler);
    eventually("it is done", async || scene.depth().await == 0).await;
    running.stop().await;
    assert_eq!(diary.lines(), ["retry evt_1 panicked 1 100"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_a_later_version_waits_for_a_newer_worker() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let newer = ["XADD", QUEUE, "1-1", "envelope", "{\"version\":9}", "attempts", "2"];
    scene.server.command::<String>(&newer).await;
    let running =
        Running::start(&scene.once(), scene.worker().observer(diary.observer()), noting(&diary));
    eventually("it waits", async || diary.has("retry 1-1 unknown_version 2 60000")).await;
    running.stop().await;
    assert_eq!(scene.depth().await, 1);
    assert!(scene.dead().list(10_000).await.expect("a list").is_empty());
}

/// More than are moved in one round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_delayed_entries_are_moved_when_they_are_due() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let members: Vec<_> = (0..1_500).map(|n| format!("1-{n} 0 unreadable")).collect();
    let mut add = vec!["ZADD", "{tickets}:queue:delayed"];
    add.extend(members.iter().flat_map(|member| ["1", member]));
    scene.server.command::<u32>(&add).await;
    let running = Running::start(&scene.once(), scene.worker(), noting(&diary));
    eventually("all are parked", async || scene.depth().await == 0).await;
    running.stop().await;
    assert_eq!(scene.dead().list(10_000).await.expect("a list").len(), 1_500);
}
