//! A user that has the rights of the guide's page, and no others.

use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::redis_streams::RedisStreams;

use crate::hand_over::{QUEUE, noting};
use crate::scene::{Diary, Running, Scene, scope, worker};
use crate::server::Server;
use crate::support::receiver;
use crate::support::sender::{Sender, Sent};

const PAGE: &str = include_str!("../../../docs/queue_redis_streams.md");

/// The rights of the page, after those of the store.
fn rights() -> Vec<&'static str> {
    let start = PAGE.find("~{tickets}:*").expect("rights on the page");
    let end = PAGE[start..].find("```").expect("the end of the block");
    let of_the_store = "~nevent:* +evalsha +eval +get +set +del +pexpire +pttl +ping +info";
    of_the_store.split_whitespace().chain(PAGE[start..start + end].split_whitespace()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_on_the_page_are_enough() {
    let (server, diary) = (Server::durable().await, Diary::default());
    let user = ["ACL", "SETUSER", "shop", "on", ">password"];
    server.command::<String>(&[&user[..], &rights()].concat()).await;
    let url = server.url().replacen("redis://", "redis://shop:password@", 1);
    let redis = RedisStreams::connect(&url).await.expect("a user with enough rights");
    let app = receiver::app(redis.queue(), redis.store());
    let sender = Sender::new(vec![receiver::spawn(app).await]);
    let scene = Scene { server, redis, sender };
    scene.sender.deliver(&Sent::single(1)).await;
    scene.server.command::<String>(&["XADD", QUEUE, "*", "envelope", "unreadable"]).await;
    let fails_once = {
        let (first, noting) = (std::sync::atomic::AtomicBool::new(true), noting(&diary));
        let first = std::sync::Arc::new(first);
        move |envelope, claim| {
            let fails = first.swap(false, std::sync::atomic::Ordering::SeqCst);
            let noted = noting(envelope, claim);
            if fails { std::future::ready(Err("no seat left".to_owned())) } else { noted }
        }
    };
    let worker = worker(&scene.redis).observer(diary.observer());
    let running = Running::start(&scene.once(), worker, fails_once);
    crate::support::eventually("all is done", async || scene.depth().await == 0).await;
    // A round of all that the worker does from time to time.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    running.stop().await;
    assert!(!diary.has("server failed"), "{:?}", diary.lines());
    let letters = scene.redis.dead_letters(&scope());
    assert_eq!(letters.replay(Select::All).await.expect("enough rights"), 1);
    let letter = ["XADD", "{tickets}:queue:dead", "*", "envelope", "old"];
    scene.server.command::<String>(&letter).await;
    assert_eq!(letters.delete(Select::All).await.expect("enough rights"), 1);
}

/// What the page shows is what the examples do.
#[test]
fn the_pages_snippets_are_the_examples() {
    for example in [
        include_str!("../../examples/redis_streams_receiver.rs"),
        include_str!("../../examples/redis_streams_worker.rs"),
    ] {
        let lines = example.lines().map(str::trim);
        let shown = lines.skip_while(|line| !line.starts_with("// [")).skip(1);
        for line in shown.take_while(|line| *line != "// [end]") {
            assert!(PAGE.lines().any(|known| known.trim() == line), "not on the page: {line}");
        }
    }
}
