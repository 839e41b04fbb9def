//! The bridge to BullMQ, with Node and BullMQ itself.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use axum::{Router, routing::post};
use nevent_webhooks::queue::hand_over;
use nevent_webhooks::{DedupeLayer, Verifier, VerifyLayer};
use tokio::time::sleep;

use crate::hand_over::QUEUE;
use crate::proxy::Proxy;
use crate::scene::{Diary, Scene};
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::receiver::{SCOPE, secret, short_lease, spawn};
use crate::support::sender::{Sender, Sent};

/// The bridge with its packages and scripts, in a copy of the crate's directories.
fn installed() -> Directory {
    let (directory, crate_) = (Directory::new(), Path::new(env!("CARGO_MANIFEST_DIR")));
    let copy = |from: &Path, to: &str| {
        let to = directory.path().join(to);
        std::fs::create_dir_all(&to).expect("a directory");
        std::fs::copy(from, to.join(from.file_name().expect("a file"))).expect("a copy");
    };
    for file in
        ["bullmq/bridge.js", "bullmq/package.json", "tests/redis_streams/bullmq/consumer.js"]
    {
        copy(&crate_.join(file), "bullmq");
    }
    let scripts = "src/redis_streams/scripts";
    for script in crate_.join(scripts).read_dir().expect("scripts") {
        copy(&script.expect("a file").path(), scripts);
    }
    let options = ["--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    let mut npm = Command::new("npm");
    npm.arg("install").args(options).arg("--prefix").arg(directory.path().join("bullmq"));
    assert!(npm.status().expect("npm is installed").success(), "npm install failed");
    directory
}

/// Every line that it prints is written into the diary.
fn node(directory: &Directory, file: &str, url: &str, diary: &Diary) -> Process {
    node_for(SCOPE, directory, file, url, diary)
}

fn node_for(scope: &str, directory: &Directory, file: &str, url: &str, diary: &Diary) -> Process {
    let mut command = Command::new("node");
    command
        .arg(directory.path().join("bullmq").join(file))
        .env("REDIS_URL", url)
        .env("SCOPE", scope)
        .env("CLAIM_AFTER_MS", "1000");
    let mut process = command.stdout(Stdio::piped()).spawn().expect("node is installed");
    let (lines, diary) = (process.stdout.take().expect("piped"), diary.clone());
    thread::spawn(move || {
        BufReader::new(lines).lines().map_while(Result::ok).for_each(|line| diary.write(line));
    });
    Process(process)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs node and npm: cargo test --features redis-streams --test redis_streams bullmq -- --ignored"]
async fn each_event_is_one_job_through_kills_of_the_bridge_and_the_server() {
    let (scene, diary, directory) = (Scene::new().await, Diary::default(), installed());
    let url = scene.server.url();
    let _consumer = node(&directory, "consumer.js", &url, &diary);
    let mut expected = Vec::new();
    for round in 0..6 {
        let mut bridge = node(&directory, "bridge.js", &url, &diary);
        for number in round * 50..round * 50 + 50 {
            scene.sender.deliver(&Sent::single(number)).await;
            expected.push(format!("evt_single_{number}"));
        }
        sleep(Duration::from_millis(300)).await;
        bridge.kill();
        if round % 3 == 2 {
            scene.server.restart().await;
        }
    }
    leave_the_rest_of_a_rust_worker(&scene).await;
    expected.push("evt_single_900".to_owned());
    // A dead letter cannot be written to a key of another type.
    scene.server.command::<String>(&["RENAME", DEAD, "aside"]).await;
    scene.server.command::<String>(&["SET", DEAD, "no stream"]).await;
    let parked = ["XADD", QUEUE, "*", "envelope", "no envelope"];
    scene.server.command::<String>(&parked).await;
    let newer = ["XADD", QUEUE, "*", "envelope", "{\"version\":9}"];
    scene.server.command::<String>(&newer).await;
    let mut bridge = node(&directory, "bridge.js", &url, &diary);
    eventually("the delayed entry is a job", async || diary.has("evt_single_900")).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(scene.depth().await, 2, "what cannot be parked stays, and a later version waits");
    scene.server.command::<String>(&["RENAME", "aside", DEAD]).await;
    eventually("the stream is empty", async || scene.entries().await.is_empty()).await;
    let done = async || scene.server.command::<usize>(&["ZCARD", "bull:tickets:completed"]).await;
    eventually("all jobs are done", async || done().await >= expected.len()).await;
    bridge.signal("-TERM");
    assert!(bridge.wait().success());
    let mut handled = diary.lines();
    handled.sort();
    // The consumer's job that the server's death interrupts is run again, as BullMQ says.
    handled.dedup();
    expected.sort();
    assert_eq!(handled, expected);
    assert_eq!(done().await, expected.len(), "one job for each event");
    // The one of 1970 has expired.
    let letters = scene.dead().list(10_000).await.expect("a list");
    assert_eq!((letters.len(), letters[0].unreadable()), (1, Some(&b"no envelope"[..])));
}

const DEAD: &str = "{tickets}:queue:dead";

/// An entry that waits for a retry, and a dead letter of 1970.
async fn leave_the_rest_of_a_rust_worker(scene: &Scene) {
    scene.sender.deliver(&Sent::single(900)).await;
    let (id, fields) = scene.entries().await.pop().expect("an entry");
    let waits = format!("{id} 1 {}", fields[1]);
    scene.server.command::<u32>(&["ZADD", "{tickets}:queue:delayed", "1", &waits]).await;
    scene.server.command::<u32>(&["XDEL", QUEUE, &id]).await;
    scene.server.command::<String>(&["XADD", DEAD, "1-1", "envelope", "old"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs node and npm: cargo test --features redis-streams --test redis_streams bullmq -- --ignored"]
async fn bullmq_has_a_job_for_each_receiver_that_had_the_event() {
    let (scene, diary, directory) = (Scene::new().await, Diary::default(), installed());
    let url = scene.server.url();
    let others = Sender::new(vec![spawn(refunds(&scene)).await]);
    // Both add to the queue `tickets`.
    let bridge = |scope| node_for(scope, &directory, "bridge.js", &url, &diary);
    let _bridges = [SCOPE, "refunds"].map(bridge);
    for sender in [&scene.sender, &others, &scene.sender] {
        sender.deliver(&Sent::single(1)).await;
    }
    for stream in [QUEUE, "{refunds}:queue"] {
        let is_empty = async || scene.server.command::<u32>(&["XLEN", stream]).await == 0;
        eventually("the stream is empty", is_empty).await;
    }
    assert_eq!(scene.server.command::<u32>(&["LLEN", "bull:tickets:wait"]).await, 2);
}

/// Another receiver on the same server.
fn refunds(scene: &Scene) -> Router {
    let (store, options) = (scene.redis.store(), short_lease());
    let dedupe = DedupeLayer::with_options("refunds", store, options).expect("safe options");
    let webhook = post(hand_over(scene.redis.queue()));
    let verify = VerifyLayer::new(Verifier::new(secret()));
    Router::new().route("/webhooks/nevent", webhook.route_layer((verify, dedupe)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs node and npm: cargo test --features redis-streams --test redis_streams bullmq -- --ignored"]
async fn bullmqs_bridge_replaces_silent_connections_and_ends_when_it_is_told_to() {
    let (scene, diary, directory) = (Scene::new().await, Diary::default(), installed());
    let proxy = Proxy::before(&scene.server).await;
    let mut bridge = node(&directory, "bridge.js", &proxy.url(), &diary);
    for number in 0..2 {
        scene.sender.deliver(&Sent::single(number)).await;
        eventually("the stream is empty", async || scene.entries().await.is_empty()).await;
        proxy.silence();
    }
    bridge.signal("-TERM");
    eventually("it ends", async || bridge.has_ended()).await;
}

/// First the server is gone, then it does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs node and npm: cargo test --features redis-streams --test redis_streams bullmq -- --ignored"]
async fn bullmqs_bridge_ends_during_an_outage_and_leaves_what_it_has_in_hand() {
    const EVENTS: u32 = 400;
    let (scene, diary, directory) = (Scene::new().await, Diary::default(), installed());
    for number in 0..EVENTS {
        scene.sender.deliver(&Sent::single(number)).await;
    }
    let url = scene.server.url();
    for is_gone in [true, false] {
        let left = scene.entries().await.len();
        let mut bridge = node(&directory, "bridge.js", &url, &diary);
        eventually("it has begun", async || scene.entries().await.len() < left - 10).await;
        if is_gone {
            scene.server.kill();
        } else {
            scene.server.signal("-STOP");
        }
        sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        bridge.signal("-TERM");
        eventually("it ends", async || bridge.has_ended()).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
        if is_gone {
            scene.server.restart().await;
        } else {
            scene.server.signal("-CONT");
        }
        assert!(!scene.pending().await.is_empty(), "it had entries in hand");
    }
    let _bridge = node(&directory, "bridge.js", &url, &diary);
    eventually("the stream is empty", async || scene.entries().await.is_empty()).await;
    let jobs = scene.server.command::<u32>(&["LLEN", "bull:tickets:wait"]).await;
    assert_eq!(jobs, EVENTS, "each event is one job");
}
