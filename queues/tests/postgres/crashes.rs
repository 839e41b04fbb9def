//! Workers that vanish.

use std::time::Duration;

use nevent_webhooks_queues::RetryPolicy;

use crate::engine::Work;
use crate::scene::Scene;
use crate::support::eventually;
use crate::support::sender::Sent;

#[tokio::test]
async fn an_entry_whose_worker_vanished_is_handled_by_another() {
    let scene = Scene::new().await;
    scene.sender().await.deliver(&Sent::single(1)).await;
    let taken = "UPDATE nevent_webhooks.entries SET lease = 7, run_at = now() + interval '1 s'";
    scene.database.execute(taken).await;
    let retry = RetryPolicy::new().first(Duration::from_millis(200)).attempts(5);
    let options = scene.options.clone().retry(retry).poll_every(Duration::from_millis(50));
    let work = Work::start(&options, |attempt| attempt == 1).await;
    // Its first attempt fails, so the row is still there.
    eventually("it is taken over", async || scene.count("vanished = 1").await == 1).await;
    eventually("it is handled", async || work.count() == 2).await;
    work.stop().await;
    assert_eq!(scene.count("true").await, 0);
}
