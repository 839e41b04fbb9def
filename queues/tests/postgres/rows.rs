//! What is done to a row is done to no other, and no row is in the way of another.

use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks_queues::postgres::{PostgresOptions, PostgresWorker};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::engine::Work;
use crate::scene::Scene;
use crate::support::eventually;
use crate::support::sender::{Sent, event_json};

/// A worker whose handlers wait until they are told to end.
async fn waiting_worker(
    scene: &Scene,
    options: &PostgresOptions,
    fails: bool,
) -> (watch::Sender<bool>, JoinHandle<()>) {
    let worker = PostgresWorker::connect(options).await.expect("a server");
    let once = Once::new("rows", scene.options.store().await.expect("a server")).expect("options");
    let (ends, end) = watch::channel(false);
    let mut stop = end.clone();
    let handler = move |_: Envelope, _: ClaimHandle| {
        let mut end = end.clone();
        async move {
            end.wait_for(|ends| *ends).await.expect("a test");
            if fails { Err("not today") } else { Ok(()) }
        }
    };
    // It stops with the same word.
    let running = tokio::spawn(async move {
        let stop = async { drop(stop.wait_for(|ends| *ends).await) };
        worker.run(&once, handler, stop).await;
    });
    (ends, running)
}

/// As after a failover to a standby that was behind, or a restored backup.
#[tokio::test]
async fn a_row_whose_number_is_used_again_stays() {
    for fails in [false, true] {
        let scene = Scene::new().await;
        let options = scene.options.clone().lease(Duration::from_millis(300));
        scene.sender().await.deliver(&Sent::single(1)).await;
        let (ends, running) = waiting_worker(&scene, &options, fails).await;
        eventually("it is taken", async || scene.count("lease IS NOT NULL").await == 1).await;
        let client = scene.database.client().await;
        let delete = "DELETE FROM nevent_webhooks.entries RETURNING number, lease";
        let row = client.query_one(delete, &[]).await.expect("a row");
        let insert = "INSERT INTO nevent_webhooks.entries (number, lease, queue, envelope, run_at) \
            OVERRIDING SYSTEM VALUE VALUES ($1, $2, 'tickets', 'another', now() + interval '1 hour')";
        let (number, lease): (i64, i64) = (row.get(0), row.get(1));
        client.execute(insert, &[&number, &lease]).await.expect("a row");
        // Time for a renewal.
        sleep(Duration::from_millis(500)).await;
        ends.send_replace(true);
        running.await.expect("no panic");
        let untouched = "envelope = 'another' AND attempts = 0 AND lease IS NOT NULL \
            AND run_at > now() + interval '30 minutes'";
        assert_eq!(scene.count(untouched).await, 1, "{fails}");
    }
}

#[tokio::test]
async fn a_row_that_is_locked_keeps_no_other_from_being_renewed() {
    let scene = Scene::new().await;
    let options = scene.options.clone().lease(Duration::from_millis(600));
    let sender = scene.sender().await;
    sender.deliver(&Sent::single(1)).await;
    sender.deliver(&Sent::single(2)).await;
    let (ends, running) = waiting_worker(&scene, &options, false).await;
    eventually("both are taken", async || scene.count("lease IS NOT NULL").await == 2).await;
    let mut client = scene.database.client().await;
    let lock = client.transaction().await.expect("a server");
    let locked = "SELECT FROM nevent_webhooks.entries WHERE id = 'evt_single_1' FOR UPDATE";
    lock.query_one(locked, &[]).await.expect("a row");
    let now = lock.query_one("SELECT now()::text", &[]).await.expect("a row").get::<_, String>(0);
    let renewed = format!(
        "id = 'evt_single_2' AND vanished = 0 AND run_at > '{now}'::timestamptz + interval '2 s'"
    );
    eventually("the other is renewed", async || scene.count(&renewed).await == 1).await;
    lock.rollback().await.expect("a server");
    ends.send_replace(true);
    running.await.expect("no panic");
}

#[tokio::test]
async fn large_entries_do_not_block_the_queue() {
    let scene = Scene::new().await;
    // All of them together are more than can be sent within the limit.
    let options = scene.options.clone().timeout(Duration::from_millis(300)).concurrency(16);
    scene
        .database
        .execute(
            "ALTER TABLE nevent_webhooks.entries ALTER envelope SET STORAGE EXTERNAL; \
             INSERT INTO nevent_webhooks.entries (queue, envelope) \
             SELECT 'tickets', repeat('large', 2500000) FROM generate_series(1, 16)",
        )
        .await;
    scene.sender().await.deliver(&Sent::single(1)).await;
    let work = Work::start(&options, |_| false).await;
    eventually("the small one is handled", async || work.count() == 1).await;
    let dead = "dead_at IS NOT NULL AND reason = 'unreadable'";
    eventually("the large ones are read", async || scene.count(dead).await == 16).await;
    work.stop().await;
}

#[tokio::test]
async fn a_put_that_stores_nothing_is_refused() {
    let scene = Scene::new().await;
    let sender = scene.sender().await;
    scene
        .database
        .execute(
            "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql \
             AS 'BEGIN RETURN NULL; END'; \
             CREATE TRIGGER nothing BEFORE INSERT ON nevent_webhooks.entries \
             FOR EACH ROW EXECUTE FUNCTION nothing()",
        )
        .await;
    let refused = sender.attempt("single-1", &event_json("evt_single_1")).await;
    assert_eq!(refused, (503, "Try again later".to_owned()));
    scene.database.execute("DROP TRIGGER nothing ON nevent_webhooks.entries").await;
    sender.deliver(&Sent::single(1)).await;
    assert_eq!(scene.count("id = 'evt_single_1'").await, 1);
}

/// The rows are as the later time of the clock has left them.
#[tokio::test]
async fn a_clock_that_was_set_back_keeps_no_entry_waiting() {
    let scene = Scene::new().await;
    scene
        .database
        .execute(
            "INSERT INTO nevent_webhooks.entries (queue, envelope, id, lease, attempts, reason, run_at) \
             VALUES ('tickets', '?', 'new', NULL, 0, NULL, now() + interval '1 hour'), \
             ('tickets', '?', 'leased', 7, 0, NULL, now() + interval '1 hour'), \
             ('tickets', '?', 'failed', NULL, 1, 'failed', now() + interval '1 hour')",
        )
        .await;
    let options = scene.options.clone().lease(Duration::from_secs(1));
    let work = Work::start(&options.poll_every(Duration::from_millis(20)), |_| false).await;
    let dead = "dead_at IS NOT NULL AND id IN ('new', 'leased')";
    eventually("they are due", async || scene.count(dead).await == 2).await;
    assert_eq!(scene.count("id = 'failed' AND dead_at IS NULL AND attempts = 1").await, 1);
    work.stop().await;
}
