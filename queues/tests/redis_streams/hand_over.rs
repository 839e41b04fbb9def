//! From the socket of a receiver to the handler of a worker.

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::Envelope;

use crate::scene::{Diary, Running, Scene};
use crate::support::eventually;
use crate::support::sender::Sent;

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

/// An entry's id, and its fields and values in turn.
type Listed = (String, Vec<String>);

/// An entry's id, the member that has it, since when in ms, and how often it was delivered.
type Pending = (String, String, u64, u64);

pub const QUEUE: &str = "{tickets}:queue";

impl Scene {
    pub async fn entries(&self) -> Vec<Listed> {
        self.server.command(&["XRANGE", QUEUE, "-", "+"]).await
    }

    /// Those in flight.
    pub async fn pending(&self) -> Vec<Pending> {
        self.server.command(&["XPENDING", QUEUE, "workers", "-", "+", "10"]).await
    }
}
