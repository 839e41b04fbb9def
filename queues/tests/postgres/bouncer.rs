//! `PgBouncer` in transaction mode between the queue and the server.

use std::time::Duration;

use crate::engine::{Work, sender};
use crate::scene::{options, own_server};
use crate::servers::bouncer::Bouncer;
use crate::support::eventually;
use crate::support::sender::Sent;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_and_workers_go_through_pgbouncer() {
    let (server, _) = own_server(&[]).await;
    // Each transaction may have another of them.
    let bouncer = Bouncer::before(&server, &["default_pool_size=3"]).await;
    let options = options(&bouncer.url()).listen(false).poll_every(Duration::from_millis(50));
    let sender = sender(&options).await;
    let work = Work::start(&options, |attempt| attempt == 1).await;
    // Listens in vain, and asks.
    let other = Work::start(&options.clone().listen(true), |attempt| attempt == 1).await;
    for number in 0..4 {
        sender.deliver(&Sent::single(number)).await;
        sender.deliver(&Sent::batch(number * 2)).await;
    }
    let retry = "UPDATE nevent_webhooks.entries SET run_at = now() WHERE lease IS NULL";
    eventually("all are done", async || {
        server.execute(retry).await;
        let count = "SELECT count(*) FROM nevent_webhooks.entries";
        server.client().await.query_one(count, &[]).await.expect("a table").get::<_, i64>(0) == 0
    })
    .await;
    work.stop().await;
    other.stop().await;
}
