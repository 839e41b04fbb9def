//! That the proxy does what the tests rely on.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::{Proxy, Server, eventually};

const SOON: Duration = Duration::from_millis(200);

async fn server_and_proxy() -> (Server, Proxy) {
    let server = Server::start().await;
    let proxy = Proxy::before(server.address()).await;
    (server, proxy)
}

async fn connect(server: &Server, proxy: &Proxy) -> RedisResult<MultiplexedConnection> {
    let client = Client::open(server.url_through(proxy.address())).expect("a URL");
    let patient = Some(Duration::from_secs(20));
    let config = AsyncConnectionConfig::new();
    let config = config.set_connection_timeout(patient).set_response_timeout(patient);
    client.get_multiplexed_async_connection_with_config(&config).await
}

async fn increase(connection: &mut MultiplexedConnection) -> RedisResult<i64> {
    redis::cmd("INCR").arg("count").query_async(connection).await
}

fn increase_later(connection: &MultiplexedConnection) -> JoinHandle<RedisResult<i64>> {
    let mut connection = connection.clone();
    tokio::spawn(async move { increase(&mut connection).await })
}

async fn count(server: &Server) -> Option<i64> {
    server.command(&["GET", "count"]).await
}

#[tokio::test]
async fn it_passes_and_counts() {
    let (server, proxy) = server_and_proxy().await;
    let mut connection = connect(&server, &proxy).await.expect("a connection");
    let (forwarded, answered) = (proxy.bytes_forwarded(), proxy.bytes_answered());
    assert_eq!(increase(&mut connection).await.expect("an answer"), 1);
    assert_eq!(
        proxy.bytes_forwarded() - forwarded,
        b"*2\r\n$4\r\nINCR\r\n$5\r\ncount\r\n".len() as u64
    );
    eventually("4 bytes came back", async || proxy.bytes_answered() - answered == 4).await;
    assert_eq!((proxy.open(), proxy.accepted()), (1, 1));
    drop(connection);
    eventually("it is closed", async || proxy.open() == 0).await;
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test]
async fn what_it_stalls_goes_on_as_if_nothing_had_been() {
    let (server, proxy) = server_and_proxy().await;
    let connection = connect(&server, &proxy).await.expect("a connection");
    proxy.stall().await;
    let old = increase_later(&connection);
    let new = tokio::spawn({
        let client = Client::open(server.url_through(proxy.address())).expect("a URL");
        async move { client.get_multiplexed_async_connection().await }
    });
    eventually("the new one is accepted", async || proxy.accepted() == 2).await;
    sleep(SOON).await;
    assert!(!old.is_finished() && !new.is_finished());
    assert_eq!(count(&server).await, None);
    proxy.pass().await;
    assert_eq!(old.await.expect("no panic").expect("an answer"), 1);
    new.await.expect("no panic").expect("a connection");
}

#[tokio::test]
async fn what_it_stalled_arrives_though_the_client_has_gone() {
    let (server, proxy) = server_and_proxy().await;
    let connection = connect(&server, &proxy).await.expect("a connection");
    proxy.stall().await;
    let lost = increase_later(&connection);
    sleep(SOON).await;
    lost.abort();
    drop((lost.await, connection));
    eventually("the client has gone", async || proxy.open() == 0).await;
    assert_eq!(count(&server).await, None);
    proxy.pass().await;
    eventually("it arrives", async || count(&server).await == Some(1)).await;
}

#[tokio::test]
async fn what_it_strands_never_moves_again() {
    let (server, proxy) = server_and_proxy().await;
    let connection = connect(&server, &proxy).await.expect("a connection");
    proxy.stall().await;
    let stranded = increase_later(&connection);
    proxy.strand().await;
    let mut new = connect(&server, &proxy).await.expect("a connection");
    assert_eq!(increase(&mut new).await.expect("an answer"), 1);
    proxy.pass().await;
    sleep(SOON).await;
    assert!(!stranded.is_finished());
    assert_eq!((count(&server).await, proxy.open()), (Some(1), 2));
}

#[tokio::test]
async fn it_drops_answers_and_not_requests() {
    let (server, proxy) = server_and_proxy().await;
    let connection = connect(&server, &proxy).await.expect("a connection");
    proxy.drop_answers().await;
    let first = increase_later(&connection);
    eventually("it arrives", async || count(&server).await == Some(1)).await;
    sleep(SOON).await;
    proxy.pass().await;
    let second = increase_later(&connection);
    eventually("it arrives", async || count(&server).await == Some(2)).await;
    let mut new = connect(&server, &proxy).await.expect("a connection");
    assert_eq!(increase(&mut new).await.expect("an answer"), 3);
    assert!(!first.is_finished() && !second.is_finished());
}

#[tokio::test]
async fn it_delays_answers() {
    let (server, proxy) = server_and_proxy().await;
    let mut connection = connect(&server, &proxy).await.expect("a connection");
    proxy.delay(SOON).await;
    let begun = Instant::now();
    assert_eq!(increase(&mut connection).await.expect("an answer"), 1);
    assert!(begun.elapsed() >= SOON);
}

#[tokio::test]
async fn it_cuts_until_it_passes() {
    let (server, proxy) = server_and_proxy().await;
    let mut connection = connect(&server, &proxy).await.expect("a connection");
    proxy.cut().await;
    assert_eq!(proxy.open(), 0);
    assert!(increase(&mut connection).await.is_err());
    assert!(connect(&server, &proxy).await.is_err());
    proxy.pass().await;
    let mut connection = connect(&server, &proxy).await.expect("a connection");
    assert_eq!(increase(&mut connection).await.expect("an answer"), 1);
}

#[tokio::test]
async fn it_cuts_once() {
    let (server, proxy) = server_and_proxy().await;
    let mut connection = connect(&server, &proxy).await.expect("a connection");
    proxy.cut_once().await;
    assert!(increase(&mut connection).await.is_err());
    let mut connection = connect(&server, &proxy).await.expect("a connection");
    assert_eq!(increase(&mut connection).await.expect("an answer"), 1);
}

#[tokio::test]
async fn it_loses_one_answer_with_its_connection() {
    let (server, proxy) = server_and_proxy().await;
    let mut connection = connect(&server, &proxy).await.expect("a connection");
    proxy.lose_next_answer();
    assert!(increase(&mut connection).await.is_err());
    assert_eq!((count(&server).await, proxy.lost()), (Some(1), 1));
    let mut connection = connect(&server, &proxy).await.expect("a connection");
    assert_eq!(increase(&mut connection).await.expect("an answer"), 2);
}
