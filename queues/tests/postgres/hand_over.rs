//! One entry per event, in one transaction with its record. What cannot be put is answered 503.

use nevent_webhooks::store::{MemoryStore, SqliteStore, Store};
use nevent_webhooks_queues::postgres::PostgresQueue;
use nevent_webhooks_queues::{Select, postgres::PostgresOptions};

use crate::engine::Work;
use crate::scene::Scene;
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::receiver;
use crate::support::sender::{Sender, Sent, event_json};

async fn with_store(options: &PostgresOptions, store: impl Store) -> Sender {
    let queue = PostgresQueue::connect(options).await.expect("a server");
    Sender::new(vec![receiver::spawn(receiver::app(queue, store)).await])
}

async fn is_refused(sender: &Sender) {
    let (status, text) = sender.attempt("single-1", &event_json("evt_single_1")).await;
    assert_eq!((status, text.as_str()), (503, "Try again later"));
}

#[tokio::test]
async fn an_entry_is_there_if_and_only_if_its_delivery_is_completed() {
    let scene = Scene::new().await;
    let sender = scene.sender().await;
    // The insertion succeeds, and the completion fails.
    scene
        .database
        .execute("ALTER FUNCTION nevent_webhooks.complete_in_transaction RENAME TO away")
        .await;
    is_refused(&sender).await;
    assert_eq!(scene.count("true").await, 0);
    scene
        .database
        .execute("ALTER FUNCTION nevent_webhooks.away RENAME TO complete_in_transaction")
        .await;
    // The completion would succeed, and the insertion fails.
    scene.database.execute("ALTER TABLE nevent_webhooks.entries RENAME TO away").await;
    is_refused(&sender).await;
    scene.database.execute("ALTER TABLE nevent_webhooks.away RENAME TO entries").await;

    sender.deliver(&Sent::single(1)).await;
    let again = sender.attempt("single-1", &event_json("evt_single_1")).await;
    assert_eq!(again, (200, "Already processed".to_owned()));
    assert_eq!(scene.count("id = 'evt_single_1' AND event_type = 'fan.created'").await, 1);
}

#[tokio::test]
async fn a_store_elsewhere_is_refused() {
    let (scene, other, directory) = (Scene::new().await, Scene::new().await, Directory::new());
    let sqlite = SqliteStore::open(&directory.file("store.db")).await.expect("a file");
    is_refused(&with_store(&scene.options, MemoryStore::new()).await).await;
    is_refused(&with_store(&scene.options, sqlite).await).await;
    // It has the same tables. Without a look at the record, the sender would be told of another attempt.
    let elsewhere = other.options.store().await.expect("a server");
    is_refused(&with_store(&scene.options, elsewhere).await).await;
    assert_eq!(scene.count("true").await, 0);
}

#[tokio::test]
async fn a_server_whose_settings_became_unsafe_is_refused_at_the_next_put() {
    let scene = Scene::new().await;
    let sender = scene.sender().await;
    sender.deliver(&Sent::single(1)).await;
    scene.database.execute("ALTER TABLE nevent_webhooks.entries SET UNLOGGED").await;
    let refused = sender.attempt("single-2", &event_json("evt_single_2")).await;
    assert_eq!(refused, (503, "Try again later".to_owned()));
    scene.database.execute("ALTER TABLE nevent_webhooks.entries SET LOGGED").await;
    sender.deliver(&Sent::single(2)).await;
    assert_eq!(scene.count("true").await, 2);
}

#[tokio::test]
async fn an_entry_that_is_too_large_is_refused() {
    let scene = Scene::new().await;
    let options = scene.options.clone().largest_entry(2_000);
    let sender = with_store(&options, options.store().await.expect("a server")).await;
    let large =
        event_json("evt_single_1").replace("{}", &format!(r#"{{"a":"{}"}}"#, "x".repeat(2_000)));
    let refused = sender.attempt("single-1", &large).await;
    assert_eq!(refused, (503, "Try again later".to_owned()));
    sender.deliver(&Sent::single(2)).await;
    // Within the limit of the other.
    scene.sender().await.until_accepted("single-1", &large).await;
    assert_eq!(scene.count("length(envelope) > 2000").await, 1);
}

/// `PostgreSQL` has no zero byte in a text, and `jsonb` no `\u0000`. Refused once, it would be refused for
/// ever.
#[tokio::test]
async fn texts_that_a_column_cannot_hold_are_put() {
    let scene = Scene::new().await;
    let sender = scene.sender().await;
    let odd = r#"{"id":"evt_\u0000\ud83c\udfab","type":"a\u0000b","created":1640995200,"data":{"n":"\u0000"}}"#;
    sender.until_accepted("odd-1", odd).await;
    let work = Work::start(
        &scene.options.clone().retry(nevent_webhooks_queues::RetryPolicy::new().attempts(1)),
        |_| true,
    )
    .await;
    eventually("it is a dead letter", async || scene.count("dead_at IS NOT NULL").await == 1).await;
    work.stop().await;
    let dead = scene.dead().await;
    let letters = dead.few(1).await;
    assert_eq!(letters[0].event_type(), Some("a\0b"));
    assert_eq!(letters[0].envelope().expect("an envelope").body(), odd.as_bytes());
    assert_eq!(dead.delete(Select::Type("a\0b")).await, 1);
}
