//! Dead letters: what is parked, and how it is replayed, deleted and expires.

use std::time::Duration;

use nevent_webhooks_queues::{DeadLetter, Select};

use crate::hand_over::{QUEUE, noting};
use crate::scene::{Diary, Running, Scene};
use crate::support::eventually;
use crate::support::sender::event_json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_handler_can_read_is_parked_as_it_came() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    scene.sender.until_accepted("d-1", "no JSON at all").await;
    scene.server.command::<String>(&["XADD", QUEUE, "*", "envelope", "{\"version\":1}"]).await;
    scene.server.command::<String>(&["XADD", QUEUE, "*", "something", "else"]).await;
    let running =
        Running::start(&scene.once(), scene.worker().observer(diary.observer()), noting(&diary));
    eventually("all are parked", async || scene.depth().await == 0).await;
    running.stop().await;
    let letters = scene.dead().list(10_000).await.expect("a list");
    let mut reasons: Vec<_> = letters.iter().map(DeadLetter::reason).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["not_an_event", "unreadable", "unreadable"]);
    let body = letters.iter().find_map(|letter| letter.envelope()).expect("one envelope");
    assert_eq!(body.body(), "no JSON at all");
    assert!(letters.iter().any(|letter| letter.unreadable() == Some(b"{\"version\":1}")));
    assert_eq!(scene.dead().replay(Select::All).await.expect("a server"), 3);
    let fields: Vec<_> = scene.entries().await.into_iter().map(|(_, fields)| fields).collect();
    assert!(fields.contains(&vec!["something".to_owned(), "else".to_owned()]), "{fields:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_whose_field_is_no_utf8_harms_no_other() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let odd: [&[u8]; 5] = [b"XADD", QUEUE.as_bytes(), b"*", b"\xff", b"\xfe"];
    scene.server.command::<String>(&odd).await;
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    let running = Running::start(&scene.once(), scene.worker(), noting(&diary));
    eventually("both are gone", async || scene.depth().await == 0).await;
    running.stop().await;
    assert_eq!(diary.lines(), ["evt_1"]);
    let letters = scene.dead().list(10_000).await.expect("a list");
    assert_eq!((letters.len(), letters[0].reason()), (1, "unreadable"));
    assert_eq!(scene.dead().replay(Select::All).await.expect("a server"), 1);
    let range = ["XRANGE", QUEUE, "-", "+"];
    let entries: Vec<(String, Vec<Vec<u8>>)> = scene.server.command(&range).await;
    assert_eq!(entries[0].1, odd[3..], "as it came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_too_many_fields_is_parked_and_replayed() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let many = [&["XADD", QUEUE, "*"][..], &vec!["field"; 8_002]].concat();
    scene.server.command::<String>(&many).await;
    let running = Running::start(&scene.once(), scene.worker(), noting(&diary));
    eventually("it is parked", async || scene.depth().await == 0).await;
    running.stop().await;
    assert_eq!(scene.dead().replay(Select::All).await.expect("a server"), 1);
    assert_eq!(scene.depth().await, 1);
}

fn json_of(number: u32, event_type: &str) -> String {
    format!(
        r#"{{"version":1,"id":"evt_{number}","dedupe_key":"event_id","delivery_id":"d-{number}",
        "scheme":"nevent","event_type":"{event_type}","is_readable":true,"received_at_ms":1,
        "secret":"1","body":"{{}}"}}"#
    )
}

/// More than one page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_dead_letters_are_replayed_by_type() {
    let (scene, dead) = (Scene::new().await, "{tickets}:queue:dead");
    for number in 0..250 {
        let of = if number % 2 == 0 { "fan.created" } else { "fan.deleted" };
        let envelope = json_of(number, of);
        scene.server.command::<String>(&["XADD", dead, "*", "envelope", &envelope]).await;
    }
    let moved = scene.dead().replay(Select::Type("fan.created")).await;
    assert_eq!((moved.expect("a server"), scene.depth().await), (125, 125));
    assert_eq!(scene.dead().list(10_000).await.expect("a list").len(), 125);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_expire() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    scene
        .server
        .command::<String>(&["XADD", "{tickets}:queue:dead", "1-1", "envelope", "old"])
        .await;
    scene.sender.until_accepted("d-1", "no JSON at all").await;
    let worker = scene.worker().dead_letters_for(Duration::from_secs(3_600));
    let running = Running::start(&scene.once(), worker, noting(&diary));
    eventually("the old one is gone", async || {
        let letters = scene.dead().list(10_000).await.expect("a list");
        letters.len() == 1 && letters[0].reason() == "not_an_event"
    })
    .await;
    running.stop().await;
}
