//! Many dead letters, and their end.

use std::time::Duration;

use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::postgres::PostgresDeadLetters;

use crate::engine::Work;
use crate::scene::Scene;
use crate::support::eventually;

#[tokio::test]
async fn many_dead_letters_are_replayed_and_deleted_in_batches() {
    let scene = Scene::new().await;
    scene.database.execute(
        "INSERT INTO nevent_webhooks.entries (queue, envelope, dead_at) \
         SELECT 'tickets', '?', now() - interval '1 s' FROM generate_series(1, 2500); \
         INSERT INTO nevent_webhooks.entries (queue, envelope, dead_at) VALUES ('other', '?', now())",
    ).await;
    let dead = scene.dead().await;
    assert_eq!(dead.few(7).await.len(), 7);
    assert_eq!(dead.replay(Select::All).await, 2_500);
    scene.database.execute("UPDATE nevent_webhooks.entries SET dead_at = now()").await;
    assert_eq!(dead.delete(Select::All).await, 2_500);
    assert_eq!(scene.count("queue = 'other'").await, 1, "another queue's stay");
}

#[tokio::test]
async fn dead_letters_expire() {
    let scene = Scene::new().await;
    scene
        .database
        .execute(
            "INSERT INTO nevent_webhooks.entries (queue, envelope, dead_at) \
         SELECT 'tickets', '?', now() - interval '31 days' FROM generate_series(1, 1500); \
         INSERT INTO nevent_webhooks.entries (queue, envelope, dead_at) \
         VALUES ('tickets', '?', now() - interval '29 days')",
        )
        .await;
    let work = Work::start(&scene.options, |_| false).await;
    eventually("the old ones are gone", async || scene.count("true").await == 1).await;
    work.stop().await;

    let options = scene.options.clone().dead_letters_for(Duration::from_millis(300));
    assert_eq!(scene.sender().await.attempt("no-event", "not JSON").await.0, 200);
    let work = Work::start(&options, |_| false).await;
    eventually("all are gone", async || scene.count("true").await == 0).await;
    work.stop().await;
}

#[tokio::test]
async fn dead_letters_that_take_long_are_deleted_a_few_at_a_time() {
    let scene = Scene::new().await;
    scene
        .database
        .execute(
            "INSERT INTO nevent_webhooks.entries (queue, envelope, dead_at) \
             SELECT 'tickets', '?', now() - interval '31 days' FROM generate_series(1, 60); \
             CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql \
             AS 'BEGIN PERFORM pg_sleep(0.02); RETURN OLD; END'; \
             CREATE TRIGGER slowly BEFORE DELETE ON nevent_webhooks.entries \
             FOR EACH ROW EXECUTE FUNCTION slowly()",
        )
        .await;
    let copy =
        "CREATE TABLE letters AS SELECT queue, envelope, dead_at FROM nevent_webhooks.entries";
    scene.database.execute(copy).await;
    let options = scene.options.clone().timeout(Duration::from_millis(500));
    let work = Work::start(&options, |_| false).await;
    eventually("they expire", async || scene.count("true").await == 0).await;
    work.stop().await;

    let again = "INSERT INTO nevent_webhooks.entries (queue, envelope, dead_at) TABLE letters";
    scene.database.execute(again).await;
    let dead = PostgresDeadLetters::connect(&options).await.expect("a server");
    // A busy server may be too slow even for one.
    eventually("all are deleted", async || {
        let _ = dead.delete(Select::All).await;
        scene.count("true").await == 0
    })
    .await;
}
