//! The receiver and the worker while the server is away.

use std::time::Duration;

use deadpool_postgres::{Manager, Pool};
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::postgres::PostgresWorker;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::NoTls;

use crate::engine::{Work, sender};
use crate::scene::own_server;
use crate::support::eventually;
use crate::support::receiver::short_lease;
use crate::support::sender::Sent;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_in_hand_are_settled_when_the_server_is_back() {
    let (mut server, options) = own_server(&[]).await;
    // The crash can undo a deletion. That row waits for its lease.
    let options = options.poll_every(Duration::from_millis(50)).lease(Duration::from_secs(2));
    let sender = sender(&options).await;
    for number in 0..20 {
        sender.deliver(&Sent::single(number)).await;
    }
    let work = Work::start(&options, |_| false).await;
    eventually("some are in hand", async || work.count() >= 1).await;
    server.crash_and_restart().await;
    eventually("none is left", async || {
        let count = "SELECT count(*) FROM nevent_webhooks.entries";
        let row = server.client().await.query_one(count, &[]).await;
        row.is_ok_and(|row| row.get::<_, i64>(0) == 0)
    })
    .await;
    work.stop().await;
}

/// As the guide has it.
async fn sell(shop: Pool, envelope: Envelope, claim: ClaimHandle) -> Result<(), String> {
    let sale = async {
        let mut connection = shop.get().await?;
        let sale = connection.transaction().await?;
        sale.execute("INSERT INTO sales VALUES ($1)", &[&envelope.id().as_str()]).await?;
        sleep(Duration::from_millis(10)).await;
        claim.commit(sale).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    sale.await.map_err(|error| error.to_string())
}

/// Entries, records and effects are in one server, and lose together what it loses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_in_the_server_that_crashes_happen_once() {
    const SALES: u32 = 120;
    let (mut server, options) = own_server(&[]).await;
    server.execute("CREATE TABLE sales (event text NOT NULL)").await;
    let retry =
        RetryPolicy::new().first(Duration::from_millis(200)).longest(Duration::from_secs(1));
    let options = options.retry(retry.attempts(1_000)).delivery_limit(1_000);
    let options = options.poll_every(Duration::from_millis(50)).lease(Duration::from_secs(2));
    let shop = Pool::builder(Manager::new(server.url().parse().expect("a URL"), NoTls)).build();
    let (shop, worker) = (shop.expect("a pool"), PostgresWorker::connect(&options).await);
    let (store, worker) = (options.store().await.expect("a server"), worker.expect("a server"));
    let once = Once::with_options("sales", store, short_lease()).expect("safe options");
    let handler = move |envelope, claim| sell(shop.clone(), envelope, claim);
    let running =
        tokio::spawn(async move { worker.run(&once, handler, std::future::pending()).await });

    let (sender, mut sending) = (sender(&options).await, JoinSet::new());
    for number in 0..SALES {
        let sender = sender.clone();
        sending.spawn(async move { sender.deliver(&Sent::single(number)).await });
        sleep(Duration::from_millis(20)).await;
        if number % 30 == 15 {
            server.crash_and_restart().await;
        }
    }
    sending.join_all().await;
    let count = "SELECT count(*), count(DISTINCT event), \
        (SELECT count(*) FROM nevent_webhooks.entries) FROM sales";
    let client = server.client().await;
    let counts = async || {
        let row = client.query_one(count, &[]).await.expect("a server");
        (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2))
    };
    eventually("all are done", async || counts().await.2 == 0).await;
    assert_eq!(counts().await, (SALES.into(), SALES.into(), 0));
    running.abort();
}
