//! Entries that wait in the sorted set.

use crate::hand_over::{QUEUE, noting};
use crate::scene::{Diary, Running, Scene};
use crate::support::eventually;

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
