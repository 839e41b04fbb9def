//! d14b: the answer to a claim or a completion is lost on its way.

use std::time::Duration;

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, Completion, RedisStore};

use crate::support::load::Load;
use crate::support::receiver_process::LEASE;
use crate::support::{Proxy, Server, claim};

async fn behind_a_proxy() -> (Server, Proxy) {
    let server = Server::start().await;
    let proxy = Proxy::before(server.address()).await;
    (server, proxy)
}

/// The connection breaks after the command took effect. The command is sent once more, and its own
/// record is no obstacle.
#[tokio::test]
async fn a_repeated_command_is_no_conflict() {
    let (server, proxy) = behind_a_proxy().await;
    let store = RedisStore::connect(&server.url_through(proxy.address())).await.expect("a server");
    let first = claim("first");
    proxy.lose_next_answer();
    assert_eq!(store.claim(&first).await.expect("the second try"), ClaimAnswer::Acquired);
    proxy.lose_next_answer();
    assert_eq!(store.complete(&first).await.expect("the second try"), Completion::Recorded);
    proxy.lose_next_answer();
    assert_eq!(store.claim(&claim("first")).await.expect("the second try"), ClaimAnswer::Completed);
    let second = claim("second");
    store.claim(&second).await.expect("a server");
    proxy.lose_next_answer();
    store.release(&second).await.expect("the second try");
    assert_eq!(store.claim(&claim("second")).await.expect("released"), ClaimAnswer::Acquired);
    assert_eq!(proxy.lost(), 4);
}

/// No answers come: 503, and the retry runs once the release has arrived or the lease has expired.
#[tokio::test(flavor = "multi_thread")]
async fn d14b_a_claim_whose_answer_was_lost_is_released() {
    let (server, proxy) = behind_a_proxy().await;
    let load = Load::on(&server.url_through(proxy.address()));
    load.sender.deliver_all(0..10, 4).await;
    proxy.drop_answers().await;
    assert!(!load.sender.attempt("unseen").await);
    let record = "nevent:{tickets}dunseen";
    assert!(server.command::<i64>(&["PTTL", record]).await <= 1500, "at most its lease");
    proxy.pass().await;
    tokio::time::sleep(LEASE).await;
    assert!(load.sender.attempt("unseen").await);
    assert!(load.sender.attempt("unseen").await);
    let balance = load.balance();
    assert_eq!(balance.answered("503 Try again later"), 1);
    assert_eq!(balance.answered("200 Already processed"), 1);
    assert_eq!((balance.lost.len(), balance.doubles.len()), (0, 0));
}

/// Connections break under load, again and again.
#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_lose_no_delivery() {
    let (server, proxy) = behind_a_proxy().await;
    let load = Load::on(&server.url_through(proxy.address()));
    let mut number = 0;
    // A busy machine loses fewer answers in the same time, so this counts answers.
    while proxy.lost() < 20 {
        let hurt = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                proxy.lose_next_answer();
            }
        };
        tokio::join!(load.sender.deliver_all(number..number + 200, 16), hurt);
        number += 200;
    }
    let balance = load.balance();
    assert_eq!((balance.lost.len(), balance.doubles.len(), balance.begun_again), (0, 0, 0));
}
