//! Dead letters: what becomes one, and how it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use nevent_webhooks_queues::postgres::{PostgresDeadLetters, PostgresOptions};
use nevent_webhooks_queues::{DeadLetter, RetryPolicy, Select};

use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Scene, Work};

async fn dead_letters(scene: &Scene, expected: usize) -> PostgresDeadLetters {
    let dead = scene.dead().await;
    eventually("the dead letters", async || list(&dead).await.len() == expected).await;
    dead
}

async fn list(dead: &PostgresDeadLetters) -> Vec<DeadLetter> {
    dead.list(100).await.expect("a server")
}

fn quick(scene: &Scene) -> PostgresOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    scene.options.clone().retry(retry).poll_every(Duration::from_millis(20))
}

#[tokio::test]
async fn an_entry_that_fails_at_every_attempt_can_be_replayed() {
    let scene = Scene::new().await;
    let sender = scene.sender().await;
    for number in 1..=3 {
        sender.deliver(&Sent::single(number)).await;
    }
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let work = Work::start(&quick(&scene), move |_| !is_mended.load(Ordering::Relaxed)).await;
    let dead = dead_letters(&scene, 3).await;
    for letter in list(&dead).await {
        assert_eq!((letter.reason(), letter.attempts()), ("failed", 2));
        assert_eq!(letter.event_type(), Some("fan.created"));
    }
    assert_eq!(work.count(), 6);

    // Replayed too early, it has all its attempts again.
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a server"), 1);
    eventually("two more attempts", async || work.count() == 8).await;
    eventually("it is back", async || list(&dead).await.len() == 3).await;

    mended.store(true, Ordering::Relaxed);
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a server"), 1);
    assert_eq!(dead.replay(Select::Type("ticket.sold")).await.expect("a server"), 0);
    assert_eq!(list(&dead).await.len(), 2);
    assert_eq!(dead.replay(Select::Type("fan.created")).await.expect("a server"), 2);
    eventually("all are handled", async || work.count() == 11).await;
    work.stop().await;
    assert_eq!(scene.count("true").await, 0);
}

#[tokio::test]
async fn dead_letters_are_chosen_by_the_time_of_their_delivery() {
    let scene = Scene::new().await;
    let sender = scene.sender().await;
    let before = SystemTime::now();
    sender.deliver(&Sent::single(1)).await;
    let work = Work::start(&quick(&scene), |_| true).await;
    let dead = dead_letters(&scene, 1).await;
    work.stop().await;
    let after = SystemTime::now() + Duration::from_secs(1);
    let (day, never) = (Duration::from_secs(86_400), SystemTime::UNIX_EPOCH);
    let others =
        [Select::ReceivedBetween(never, before - day), Select::ReceivedBetween(after, never)];
    for select in others {
        assert_eq!(dead.replay(select).await.expect("a server"), 0);
        assert_eq!(dead.delete(select).await.expect("a server"), 0);
    }
    let select = Select::ReceivedBetween(before - Duration::from_secs(1), after);
    assert_eq!(dead.replay(select).await.expect("a server"), 1);
    assert_eq!(scene.count("dead_at IS NULL AND attempts = 0 AND vanished = 0").await, 1);
}

#[tokio::test]
async fn what_is_no_event_is_parked_as_it_came() {
    let scene = Scene::new().await;
    let sender = scene.sender().await;
    assert_eq!(sender.attempt("no-event", "not JSON").await.0, 200);
    let work = Work::start(&quick(&scene), |_| false).await;
    let foreign = "INSERT INTO nevent_webhooks.entries (queue, envelope) VALUES ('tickets', '?')";
    scene.database.execute(foreign).await;

    let dead = dead_letters(&scene, 2).await;
    let mut letters = list(&dead).await;
    letters.sort_by_key(|letter| letter.reason() == "unreadable");
    let reasons: Vec<_> = letters.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, ["not_an_event", "unreadable"]);
    let envelope = letters[0].envelope().expect("an envelope");
    assert_eq!(&envelope.body()[..], b"not JSON");
    assert_eq!(letters[1].unreadable(), Some(&b"?"[..]));
    assert_eq!(work.count(), 0);

    let number = Select::Id(letters[1].id());
    assert_eq!(dead.delete(number).await.expect("a server"), 1);
    assert_eq!(dead.replay(Select::All).await.expect("a server"), 1);
    eventually("it is parked again", async || list(&dead).await.len() == 1).await;
    assert_eq!(dead.delete(Select::All).await.expect("a server"), 1);
    assert!(list(&dead).await.is_empty());
    work.stop().await;
}

#[tokio::test]
async fn many_dead_letters_are_replayed_and_deleted_in_batches() {
    let scene = Scene::new().await;
    scene.database.execute(
        "INSERT INTO nevent_webhooks.entries (queue, envelope, dead_at) \
         SELECT 'tickets', '?', now() - interval '1 s' FROM generate_series(1, 2500); \
         INSERT INTO nevent_webhooks.entries (queue, envelope, dead_at) VALUES ('other', '?', now())",
    ).await;
    let dead = scene.dead().await;
    assert_eq!(dead.list(7).await.expect("a server").len(), 7);
    assert_eq!(dead.replay(Select::All).await.expect("a server"), 2_500);
    scene.database.execute("UPDATE nevent_webhooks.entries SET dead_at = now()").await;
    assert_eq!(dead.delete(Select::All).await.expect("a server"), 2_500);
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
