//! A server that dies, stops, or is cut off, while deliveries come in.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::support::load::Load;
use crate::support::{Proxy, Server, delivery_id};

/// The longest a response may take while the server does not answer.
const STORE_TIMEOUT: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread")]
async fn d14_a_server_with_a_log_is_killed_and_restarted_under_load() {
    let server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let load = Load::on(&server.url());
    let hurt = async {
        for _ in 0..2 {
            sleep(Duration::from_millis(400)).await;
            load.ledger.fault("the server was killed");
            server.kill();
            sleep(Duration::from_millis(600)).await;
            server.restart().await;
        }
    };
    tokio::join!(load.sender.deliver_all(0..3000, 16), hurt);
    let balance = load.balance();
    assert_eq!((balance.sent, balance.lost.len()), (3000, 0));
    assert!(balance.answered("503 Try again later") > 0);
    // Each write that was acknowledged is in the log; the sender was told of it.
    assert_eq!(balance.doubles, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn d14_a_stopped_server_holds_up_no_request() {
    let server = Server::start().await;
    let load = Load::on(&server.url());
    load.sender.deliver_all(0..200, 16).await;
    load.ledger.fault("the server was stopped");
    server.pause();
    let memory = load.receivers[0].memory();
    all_refused_in_time(&load, 1000).await;
    let grown = load.receivers[0].memory().saturating_sub(memory);
    assert!(grown < 16 << 20, "{grown} bytes more after 1000 refusals");

    server.resume();
    first_after_recovery(&load, "after").await;
    load.sender.deliver_all(200..400, 16).await;
    let balance = load.balance();
    assert_eq!((balance.lost.len(), balance.doubles.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn d14_a_stalled_connection_holds_up_no_request() {
    let server = Server::start().await;
    let proxy = Proxy::before(server.address()).await;
    let load = Load::on(&server.url_through(proxy.address()));
    load.sender.deliver_all(0..200, 16).await;
    load.ledger.fault("the connection stalled");
    proxy.stall().await;
    all_refused_in_time(&load, 1000).await;
    assert!(proxy.open() <= 8, "{} connections of two receivers", proxy.open());

    proxy.pass().await;
    first_after_recovery(&load, "after").await;
    load.sender.deliver_all(200..400, 16).await;
    let balance = load.balance();
    assert_eq!((balance.lost.len(), balance.doubles.len()), (0, 0));
}

/// The network forgets a connection; new ones work.
#[tokio::test(flavor = "multi_thread")]
async fn d14_a_connection_that_never_answers_again_is_replaced() {
    let server = Server::start().await;
    let proxy = Proxy::before(server.address()).await;
    let load = Load::on(&server.url_through(proxy.address()));
    load.sender.deliver_all(0..50, 4).await;
    proxy.strand().await;
    load.sender.deliver_all(50..300, 4).await;
    let balance = load.balance();
    assert_eq!((balance.lost.len(), balance.doubles.len()), (0, 0));
}

/// Deliveries that are never sent again: only how they are refused counts.
async fn all_refused_in_time(load: &Load, deliveries: u32) {
    let limit = STORE_TIMEOUT + Duration::from_millis(1500);
    let mut slowest = Duration::ZERO;
    for first in (0..deliveries).step_by(50) {
        let attempts = (first..first + 50).map(|number| async move {
            let begun = Instant::now();
            let id = format!("refused-{}", delivery_id(number));
            assert!(!load.sender.attempt(&id).await, "nothing can be claimed");
            begun.elapsed()
        });
        slowest = slowest
            .max(*futures_util::future::join_all(attempts).await.iter().max().expect("some"));
    }
    assert!(slowest < limit, "{slowest:?} for a refusal");
}

/// The first delivery works, as soon as a connection can be made.
async fn first_after_recovery(load: &Load, id: &str) {
    let begun = Instant::now();
    while !load.sender.attempt(id).await {
        assert!(begun.elapsed() < Duration::from_secs(5), "still refused");
    }
    println!("handled {:?} after the recovery", begun.elapsed());
}
