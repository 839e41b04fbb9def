//! Workers that vanish, and entries that end the process of their worker.

use std::io::Write;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks_queues::postgres::{PostgresOptions, PostgresWorker};
use nevent_webhooks_queues::{RetryPolicy, Select};
use tokio::time::sleep;

use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::program::{Program, is_program, say, told};
use crate::support::receiver::short_lease;
use crate::support::sender::Sent;
use crate::work::{Scene, Work};

/// A lease longer than that of `Once`.
fn crashing(options: PostgresOptions) -> PostgresOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(200)).attempts(5);
    let options = options.retry(retry).lease(Duration::from_millis(2_300)).delivery_limit(1);
    options.poll_every(Duration::from_millis(50))
}

#[tokio::test]
async fn an_entry_that_kills_its_workers_is_a_dead_letter() {
    let (scene, directory) = (Scene::new().await, Directory::new());
    let begun = directory.file("begun");
    scene.sender().await.deliver(&Sent::single(1)).await;
    let environment = [("SERVER", scene.database.url()), ("BEGUN", begun.clone())];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let mut program = Program::start("crashes::worker", &environment);
    let dead = scene.dead().await;
    let mut crashes = 0;
    let letters = loop {
        let letters = dead.list(10).await.expect("a server");
        if !letters.is_empty() {
            break letters;
        }
        let all = std::fs::read(&begun).map_or(0, |lines| lines.len());
        assert!(all <= 2, "it has killed {all} workers");
        if all > crashes {
            crashes = all;
            program.kill_and_restart();
        }
        sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(crashes, 2);
    assert_eq!((letters[0].id(), letters[0].reason()), ("evt_single_1", "worker_vanished"));
    assert_eq!(letters[0].attempts(), 0);

    // It has all its deliveries again.
    assert_eq!(dead.replay(Select::All).await.expect("a server"), 1);
    eventually("it is delivered again", async || {
        std::fs::read(&begun).expect("a file").len() > crashes
    })
    .await;
}

#[tokio::test]
async fn worker() {
    if !is_program() {
        return;
    }
    let options = crashing(crate::work::options(&told("SERVER")));
    let worker = PostgresWorker::connect(&options).await.expect("a server");
    let store = options.store().await.expect("a server");
    let once = Once::with_options("work", store, short_lease()).expect("safe options");
    say("ready");
    worker.run(&once, crash, std::future::pending()).await;
}

async fn crash(_: Envelope, _: ClaimHandle) -> Result<(), String> {
    let file = std::fs::File::options().create(true).append(true).open(told("BEGUN"));
    file.expect("a directory").write_all(b"x").expect("a disk");
    std::process::abort()
}

#[tokio::test]
async fn an_entry_whose_worker_vanished_is_handled_by_another() {
    let scene = Scene::new().await;
    scene.sender().await.deliver(&Sent::single(1)).await;
    let taken = "UPDATE nevent_webhooks.entries SET lease = 7, run_at = now() + interval '1 s'";
    scene.database.execute(taken).await;
    let work = Work::start(&crashing(scene.options.clone()), |attempt| attempt == 1).await;
    // Its first attempt fails, so the row is still there.
    eventually("it is taken over", async || scene.count("vanished = 1").await == 1).await;
    eventually("it is handled", async || work.count() == 2).await;
    work.stop().await;
    assert_eq!(scene.count("true").await, 0);
}

#[tokio::test]
async fn a_long_handler_keeps_its_entry() {
    let scene = Scene::new().await;
    let options = scene.options.clone().lease(Duration::from_millis(600));
    let options = options.poll_every(Duration::from_millis(20));
    scene.sender().await.deliver(&Sent::single(1)).await;
    let worker = PostgresWorker::connect(&options).await.expect("a server");
    let long = |_: Envelope, _: ClaimHandle| async {
        sleep(Duration::from_secs(3)).await;
        Ok::<_, String>(())
    };
    let once = Once::new("long", options.store().await.expect("a server")).expect("options");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        worker.run(&once, long, async { drop(stopped.await) }).await;
    });
    eventually("it is taken", async || scene.count("lease IS NOT NULL").await == 1).await;
    // With a store of its own: it would handle the entry if it were given to it.
    let other = Work::start(&options, |_| false).await;
    eventually("it is done", async || scene.count("true").await == 0).await;
    assert_eq!(other.count(), 0);
    drop(stop);
    running.await.expect("no panic");
    other.stop().await;
}
