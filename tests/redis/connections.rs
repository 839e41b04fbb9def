//! The one connection of a store: when it is kept, and when it is replaced.

use std::time::{Duration, Instant};

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, RedisOptions, RedisSource, RedisStore};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::support::{Proxy, Server, claim, eventually};

async fn behind_a_proxy() -> (Server, Proxy, RedisStore) {
    let server = Server::start().await;
    let proxy = Proxy::before(server.address()).await;
    let store = RedisStore::connect(&server.url_through(proxy.address())).await.expect("a server");
    (server, proxy, store)
}

/// A network that forgot the connection: the store's own patience ends it.
#[tokio::test]
async fn a_silent_connection_is_replaced() {
    let (_server, proxy, store) = behind_a_proxy().await;
    proxy.strand().await;
    let error = store.claim(&claim("one")).await.expect_err("no answer");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.contains("no answer within 1s"), "{cause}");
    eventually("it is replaced", async || store.claim(&claim("two")).await.is_ok()).await;
    assert_eq!(proxy.accepted(), 2);
}

/// If all callers leave before the command timeout, those that waited for a while without an
/// answer end the connection.
#[tokio::test]
async fn a_silent_connection_that_callers_leave_is_replaced() {
    let (_server, proxy, store) = behind_a_proxy().await;
    let impatient = async |id: &str| {
        let claimed = timeout(Duration::from_millis(200), store.claim(&claim(id))).await;
        claimed.is_ok_and(|claimed| claimed.is_ok())
    };
    // The next connection is replaced, too.
    for accepted in [2, 3] {
        proxy.strand().await;
        eventually("it is replaced", async || impatient("one").await).await;
        assert_eq!(proxy.accepted(), accepted);
    }
}

/// A server that is slow is not silent.
#[tokio::test]
async fn a_slow_connection_is_kept() {
    let (_server, proxy, store) = behind_a_proxy().await;
    proxy.delay(Duration::from_millis(250)).await;
    for n in 0..8 {
        let id = format!("{n}");
        // Three who leave with no answer in between would end it.
        for hurried in ["first", "second"] {
            let hurried = claim(&format!("{hurried} {n}"));
            let hurried = timeout(Duration::from_millis(150), store.claim(&hurried)).await;
            assert!(hurried.is_err(), "nobody answers as fast as that");
        }
        let answer = store.claim(&claim(&id)).await;
        assert_eq!(answer.expect("late, but in time"), ClaimAnswer::Acquired);
    }
    assert_eq!(proxy.accepted(), 1);
}

/// A caller that leaves at once is no evidence of a dead connection.
#[tokio::test]
async fn a_connection_is_kept_when_callers_leave_at_once() {
    let (_server, proxy, store) = behind_a_proxy().await;
    proxy.delay(Duration::from_millis(50)).await;
    for n in 0..50 {
        let left = claim(&format!("{n}"));
        let _ = timeout(Duration::from_millis(5), store.claim(&left)).await;
    }
    store.claim(&claim("stays")).await.expect("the same connection");
    assert_eq!(proxy.accepted(), 1);
}

/// A failure of the old connection that is noticed late does not end its successor.
#[tokio::test]
async fn a_new_connection_is_not_blamed_for_the_old_one() {
    let (_server, proxy, store) = behind_a_proxy().await;
    proxy.strand().await;
    let late = claim("late");
    let (late, ()) = tokio::join!(store.claim(&late), async {
        for _ in 0..3 {
            let _ = timeout(Duration::from_millis(120), store.claim(&claim("hurried"))).await;
        }
        let replaced = async || store.claim(&claim("two")).await.is_ok();
        eventually("it is replaced", replaced).await;
    });
    late.expect_err("it waited on the first connection");
    sleep(Duration::from_millis(300)).await;
    store.claim(&claim("three")).await.expect("the second connection");
    assert_eq!(proxy.accepted(), 2);
}

/// While a server is stopped it still takes connections: that is not enough.
#[tokio::test]
async fn a_connection_counts_once_it_has_answered() {
    let (server, _proxy, store) = behind_a_proxy().await;
    server.pause();
    store.claim(&claim("one")).await.expect_err("no answer");
    for _ in 0..5 {
        let begun = Instant::now();
        store.claim(&claim("two")).await.expect_err("no connection");
        assert!(begun.elapsed() < Duration::from_millis(700), "{:?}", begun.elapsed());
    }
    server.resume();
    eventually("it answers", async || store.claim(&claim("three")).await.is_ok()).await;
}

/// A master that became a replica keeps its clients: another connection may lead to
/// the new one, behind the same name.
#[tokio::test]
async fn a_connection_to_a_demoted_master_is_replaced() {
    let (server, proxy, store) = behind_a_proxy().await;
    let other = Server::start().await;
    let port = other.port().to_string();
    server.command::<()>(&["REPLICAOF", "127.0.0.1", &port]).await;
    store.claim(&claim("one")).await.expect_err("it is a replica");
    eventually("another was tried", async || proxy.accepted() > 1).await;
    server.command::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    eventually("it is a master", async || store.claim(&claim("one")).await.is_ok()).await;
}

/// A lone master without replicas has no successor to connect to.
#[tokio::test]
async fn a_connection_to_a_lone_master_is_kept() {
    let (server, proxy, store) = behind_a_proxy().await;
    server.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    for _ in 0..5 {
        store.claim(&claim("one")).await.expect_err("no replicas");
    }
    server.command::<()>(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    assert_eq!(store.claim(&claim("one")).await.expect("it writes"), ClaimAnswer::Acquired);
    assert_eq!(proxy.accepted(), 1);
}

/// Neither a server that refuses connections nor one that takes and drops them is
/// flooded, however many ask.
#[tokio::test(flavor = "multi_thread")]
async fn connection_attempts_are_paced() {
    let (_server, proxy, store) = behind_a_proxy().await;
    proxy.cut().await;
    let listener = TcpListener::bind(proxy.address()).await;
    let Ok(listener) = listener else { return }; // Somebody else took the port.
    let counting = tokio::spawn(async move {
        let begun = Instant::now();
        let mut taken = 0;
        while begun.elapsed() < Duration::from_secs(2) {
            if let Ok(Ok(_dropped)) = timeout(Duration::from_millis(50), listener.accept()).await {
                taken += 1;
            }
        }
        taken
    });
    while !counting.is_finished() {
        let asks = (0..20).map(|n| {
            let store = store.clone();
            async move { store.claim(&claim(&format!("{n}"))).await.is_ok() }
        });
        assert!(!futures_util::future::join_all(asks).await.contains(&true));
    }
    let taken = counting.await.expect("no panic");
    assert!((2..=100).contains(&taken), "{taken} connections in 2 s");
}

/// A server that accepts connections and soon drops them is not flooded either.
#[tokio::test]
async fn short_lived_connections_are_paced() {
    let (_server, proxy, store) = behind_a_proxy().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        proxy.cut_once().await;
        let _ = store.claim(&claim("one")).await;
    }
    assert!((2..=16).contains(&proxy.accepted()), "{} connections in 1 s", proxy.accepted());
}

/// The runtime has ended, and with it the task that connects.
#[test]
fn a_store_outlives_its_runtime() {
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let first = runtime();
    let (server, store) = first.block_on(async {
        let server = Server::start().await;
        let store = RedisStore::connect(&server.url()).await.expect("a server");
        store.claim(&claim("one")).await.expect("a server");
        (server, store)
    });
    drop(first);
    runtime().block_on(async {
        eventually("it is connected", async || store.claim(&claim("two")).await.is_ok()).await;
    });
    drop(server);
}

/// The runtime and the task that connects still exist, but nobody drives them.
#[test]
fn a_store_outlives_a_runtime_that_is_not_driven() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let still = runtime();
    let (server, store) = still.block_on(async {
        let server = Server::start().await;
        let store = RedisStore::connect(&server.url()).await.expect("a server");
        server.kill();
        store.claim(&claim("one")).await.expect_err("it is down");
        (server, store)
    });
    runtime().block_on(async {
        server.restart().await;
        eventually("it is connected", async || store.claim(&claim("two")).await.is_ok()).await;
    });
    drop((still, server));
}

/// A command sent while a connection is being made does not start another one.
#[tokio::test]
async fn repeated_commands_do_not_restart_a_connection() {
    let (_server, proxy, store) = behind_a_proxy().await;
    proxy.delay(Duration::from_millis(50)).await;
    proxy.cut_once().await;
    let hurried = async {
        loop {
            let _ = timeout(Duration::from_millis(15), store.claim(&claim("hurried"))).await;
        }
    };
    let connected =
        eventually("it is connected", async || store.claim(&claim("one")).await.is_ok());
    tokio::select! { () = connected => {} () = hurried => {} }
}

#[tokio::test]
async fn the_command_timeout_is_an_option() {
    let (server, proxy, _) = behind_a_proxy().await;
    let source: RedisSource = server.url_through(proxy.address()).parse().expect("a URL");
    let options = RedisOptions::new().command_timeout(Duration::from_millis(300));
    let store = RedisStore::open(source, options).await.expect("a server");
    proxy.stall().await;
    let begun = Instant::now();
    let error = store.claim(&claim("one")).await.expect_err("no answer");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.contains("no answer within 300ms"), "{cause}");
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
}
