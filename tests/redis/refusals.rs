//! Servers that the store cannot work with, and the error for each.

use std::time::{Duration, Instant};

use nevent_webhooks::store::{ClaimAnswer, Completion, OwnerToken, RedisStore, Renewal};
use nevent_webhooks::{ReplayKey, Store};
use tokio::net::TcpListener;

use crate::support::{Cluster, Proxy, Sentinels, Server, claim, eventually};

/// Why there is no store at this URL.
pub async fn refusal(url: &str) -> String {
    let begun = Instant::now();
    let error = RedisStore::connect(url).await.expect_err("not fit").to_string();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: {error}", begun.elapsed());
    error
}

#[track_caller]
pub fn says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

#[tokio::test]
async fn a_port_that_nobody_listens_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let error = refusal(&format!("redis://user:secret@127.0.0.1:{port}")).await;
    says(&error, &[&format!("Redis at 127.0.0.1:{port}: "), "Is it running"]);
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let server = Server::start().await;
    let proxy = Proxy::before(server.address()).await;
    proxy.stall().await;
    let error = refusal(&server.url_through(proxy.address())).await;
    says(&error, &["no connection within 1s", "is something in between"]);
}

#[tokio::test]
async fn a_server_that_is_not_redis() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let answers = async {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad\r\n\r\n").await;
        stream
    };
    let (error, _stream) = tokio::join!(refusal(&url), answers);
    says(&error, &["Redis at 127.0.0.1:", "Is that a Redis server?"]);
    assert!(!error.contains('\n'), "{error}");
}

#[tokio::test]
async fn a_host_name_without_an_address() {
    let error = refusal("redis://nobody.invalid").await;
    says(&error, &["Redis at nobody.invalid:6379: ", "Is the host's name right?"]);
}

/// Servers, Sentinels and Clusters taken for each other.
#[tokio::test]
async fn another_kind_of_redis() {
    let (server, sentinels, cluster) =
        tokio::join!(Server::start(), Sentinels::start(), Cluster::start());
    let (server, sentinel) = (server.address(), sentinels.addresses()[0]);
    says(&refusal(&format!("redis://{sentinel}")).await, &["is a Sentinel: use redis-sentinel://"]);
    says(&refusal(&format!("redis-cluster://{server}")).await, &["use redis://"]);
    let error = refusal(&format!("redis-sentinel://{server}?master=mymaster")).await;
    says(&error, &["of the Sentinels at", "these are Sentinels"]);
    // A node of a Cluster takes what is in its own slots, where a probe may fall.
    for node in cluster.nodes().iter().cycle().take(30) {
        says(&refusal(&node.url()).await, &["use redis-cluster://"]);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there() {
    let server = Server::start().await;
    let error = refusal(&format!("{}/99", server.url())).await;
    says(&error, &["DB index is out of range", "Check the database number in the URL"]);
}

#[tokio::test]
async fn a_read_only_replica() {
    let master = Server::start().await;
    let replica = master.replica(&[]).await;
    says(
        &refusal(&replica.url()).await,
        &["read only", "It is a replica: give the master's address"],
    );
}

#[tokio::test]
async fn a_master_with_too_few_replicas() {
    let server = Server::with(&["--min-replicas-to-write", "1"]).await;
    says(&refusal(&server.url()).await, &["NOREPLICAS", "`min-replicas-to-write`"]);
}

/// New claims are refused, and deliveries in flight complete all the same.
#[tokio::test]
async fn a_server_without_memory() {
    let server = Server::start().await;
    let store = RedisStore::connect(&server.url()).await.expect("a server");
    let (done, failed) = (claim("done"), claim("failed"));
    store.claim(&done).await.expect("room");
    store.claim(&failed).await.expect("room");

    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let error = store.claim(&claim("other")).await.expect_err("no room");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    let named = format!("Redis at {}", server.address());
    says(&cause, &["OOM", &named, "Its memory is full: raise `maxmemory`"]);
    says(&store.ready().await.expect_err("no room").to_string(), &["OOM"]);
    says(&refusal(&server.url()).await, &["OOM"]);
    assert_eq!(store.renew(&done).await.expect("no more memory"), Renewal::Renewed);
    assert_eq!(store.complete(&done).await.expect("no more memory"), Completion::Recorded);
    store.release(&failed).await.expect("no more memory");
    assert_eq!(store.claim(&claim("done")).await.expect("no memory"), ClaimAnswer::Completed);

    server.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(store.claim(&claim("other")).await.expect("room"), ClaimAnswer::Acquired);
    assert_eq!(store.ready().await.expect("room"), []);
}

/// A full server still knows what was completed, and for how long.
#[tokio::test]
async fn a_repeat_on_a_server_without_memory() {
    let server = Server::start().await;
    let store = RedisStore::connect(&server.url()).await.expect("a server");
    let mut done = claim("done");
    done.replay_keys = [ReplayKey::from_bytes([1; 16])].into();
    store.claim(&done).await.expect("room");
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(store.complete(&done).await.expect("no more memory"), Completion::Recorded);

    let left: u64 = server.command(&["TTL", "nevent:{tickets}ddone"]).await;
    assert!((86_000..=86_400).contains(&left), "{left} s of a day's retention");
    done.token = OwnerToken::draw();
    assert_eq!(store.claim(&done).await.expect("no memory"), ClaimAnswer::Completed);
    store.complete(&claim("never claimed")).await.expect_err("no room");
    // Signed bytes that never came before need room for their replay key.
    done.replay_keys = [ReplayKey::from_bytes([2; 16])].into();
    store.claim(&done).await.expect_err("no room");
    let keys: Vec<String> = server.command(&["KEYS", "*"]).await;
    assert_eq!(keys.len(), 2, "{keys:?}");
}

#[tokio::test]
async fn keys_of_another_program() {
    let server = Server::start().await;
    let store = RedisStore::connect(&server.url()).await.expect("a server");
    server.command::<()>(&["SET", "nevent:{tickets}dtaken", "by somebody"]).await;
    let another = "is longer than the record of a delivery could be";
    server.command::<()>(&["SET", "nevent:{tickets}dlong", another]).await;
    server.command::<()>(&["HSET", "nevent:{tickets}dtable", "field", "value"]).await;
    for id in ["taken", "long", "table"] {
        let claim = claim(id);
        for error in [
            store.claim(&claim).await.expect_err("not ours"),
            store.renew(&claim).await.expect_err("not ours"),
            store.complete(&claim).await.expect_err("not ours"),
        ] {
            let cause = std::error::Error::source(&error).expect("a cause").to_string();
            says(&cause, &["WRONGTYPE"]);
        }
    }
}

/// The server hangs up at once, and says why to those who listen.
#[tokio::test]
async fn a_server_with_too_many_clients() {
    let server = Server::with(&["--maxclients", "1"]).await;
    let _holds_the_place = server.connection().await;
    let error = refusal(&server.url()).await;
    says(&error, &["ERR max number of clients reached. Raise its `maxclients`"]);
}

#[tokio::test]
async fn a_server_without_scripts() {
    let server = Server::with(&["--rename-command", "EVALSHA", ""]).await;
    let error = refusal(&server.url()).await;
    says(&error, &["unknown command 'EVALSHA'. The store needs it: allow it"]);
    assert!(!error.contains("ready-"), "{error}");
    let server = Server::start().await;
    let user = ["ACL", "SETUSER", "default", "-@scripting"];
    server.command::<()>(&user).await;
    says(&refusal(&server.url()).await, &["evalsha", "Give its user the permissions"]);
}

/// The first answer comes later than a connection may take.
#[tokio::test]
async fn a_server_that_is_slow() {
    let server = Server::start().await;
    let proxy = Proxy::before(server.address()).await;
    proxy.delay(Duration::from_millis(1300)).await;
    let raise = "raise the timeout in `RedisOptions`";
    for kind in ["redis:", "redis-cluster:"] {
        let url = server.url_through(proxy.address()).replace("redis:", kind);
        says(&refusal(&url).await, &[raise]);
    }
    let sentinel = format!("redis-sentinel://{}?master=mymaster", proxy.address());
    says(&refusal(&sentinel).await, &["no Sentinel answered", raise]);
}

#[tokio::test]
async fn a_cluster_that_is_down() {
    let node = Server::with(&["--cluster-enabled", "yes"]).await;
    let cluster = format!("redis-cluster://{}", node.address());
    let hint = "Does it have slots, and can the addresses in CLUSTER SLOTS be reached from here?";
    says(&refusal(&cluster).await, &[hint]);
    node.command::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    eventually("it serves its slots", async || {
        node.command::<String>(&["CLUSTER", "INFO"]).await.contains("cluster_state:ok")
    })
    .await;
    says(&refusal(&node.url()).await, &["use redis-cluster://"]);
    // It tells clients to come where nobody is.
    node.command::<()>(&["CONFIG", "SET", "cluster-announce-port", "1"]).await;
    eventually("it announces another port", async || {
        node.command::<String>(&["CLUSTER", "NODES"]).await.contains(":1@")
    })
    .await;
    says(&refusal(&cluster).await, &[hint]);
}
