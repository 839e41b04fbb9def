//! From the socket of a receiver to the handler of a worker.

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::Envelope;

use crate::scene::{Diary, Running, Scene};
use crate::support::eventually;
use crate::support::sender::{Sent, event_json};

/// Writes the event's id into the diary.
pub fn noting(
    diary: &Diary,
) -> impl Fn(Envelope, ClaimHandle) -> std::future::Ready<Result<(), String>> + Clone + use<> {
    let diary = diary.clone();
    move |envelope, _| {
        diary.write(envelope.id().to_string());
        std::future::ready(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_one_entry_and_is_handled_once() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    for sent in [Sent::single(1), Sent::batch(0), Sent::batch(1), Sent::single(1)] {
        scene.sender.deliver(&sent).await;
    }
    // One single, and fifteen events in two batches that overlap.
    assert_eq!(scene.depth().await, 16);
    let running = Running::start(&scene.once(), scene.worker(), noting(&diary));
    eventually("all is handled", async || scene.depth().await == 0).await;
    running.stop().await;
    let mut handled = diary.lines();
    handled.sort();
    let mut expected: Vec<_> = (0..15).map(|n| format!("evt_batch_{n}")).collect();
    expected.push("evt_single_1".to_owned());
    expected.sort();
    assert_eq!(handled, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_copy_of_an_entry_is_acknowledged_and_not_handled() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    scene.sender.deliver(&Sent::single(1)).await;
    let (_, fields) = &scene.entries().await[0];
    scene.server.command::<String>(&["XADD", QUEUE, "*", "envelope", &fields[1]]).await;
    assert_eq!(scene.depth().await, 2);
    let running = Running::start(&scene.once(), scene.worker(), noting(&diary));
    eventually("both are gone", async || scene.depth().await == 0).await;
    running.stop().await;
    assert_eq!(diary.lines(), ["evt_single_1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_at_rest_when_all_is_done() {
    let (scene, diary) = (Scene::new().await, Diary::default());
    let (status, text) = scene.sender.attempt("d-1", &event_json("evt_1")).await;
    assert_eq!((status, &*text), (200, ""));
    let running = Running::start(&scene.once(), scene.worker(), noting(&diary));
    eventually("it is gone", async || scene.depth().await == 0).await;
    running.stop().await;
    let pending: (u64, Option<String>, Option<String>, Option<String>) =
        scene.server.command(&["XPENDING", QUEUE, "workers"]).await;
    assert_eq!((pending.0, scene.entries().await.len()), (0, 0));
}

/// An entry's id, and its fields and values in turn.
type Listed = (String, Vec<String>);

pub const QUEUE: &str = "{tickets}:queue";

impl Scene {
    pub async fn entries(&self) -> Vec<Listed> {
        self.server.command(&["XRANGE", QUEUE, "-", "+"]).await
    }
}
