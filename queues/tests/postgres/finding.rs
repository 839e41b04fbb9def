//! How a worker finds entries.

use std::time::Duration;

use crate::engine::Work;
use crate::scene::Scene;
use crate::support::eventually;
use crate::support::sender::Sent;

#[tokio::test]
async fn a_worker_is_woken_when_an_entry_is_put() {
    let scene = Scene::new().await;
    // It would not find the entry in time by asking.
    let options = scene.options.clone().poll_every(Duration::from_secs(3_600));
    let work = Work::start(&options, |_| false).await;
    let sender = scene.sender().await;
    for (number, sent) in (0..3).map(Sent::single).enumerate() {
        sender.deliver(&sent).await;
        eventually("it is handled", async || work.count() == number + 1).await;
    }
    work.stop().await;
}

#[tokio::test]
async fn a_worker_finds_entries_without_being_woken() {
    let scene = Scene::new().await;
    let options = scene.options.clone().listen(false).poll_every(Duration::from_millis(20));
    let work = Work::start(&options, |_| false).await;
    scene.sender().await.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
}
