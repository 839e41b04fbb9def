//! Deliveries through kills of receivers and workers and outages of the server: at the end every event has
//! its effect, exactly once.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::sqs::{SqsOptions, SqsQueue, SqsWorker};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::proxy::{Mode, Proxy};
use crate::server::{self, Server};
use crate::support::eventually;
use crate::support::ledger::{self, Load, Programs, Shop, simulate};
use crate::support::program::{is_program, say, told};
use crate::support::receiver::short_lease;
use crate::work::{Work, app};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_or_repeated() {
    check(&Load { singles: 150, batches: 15, spread: Duration::from_secs(12) }, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn no_event_of_ten_thousand_deliveries_is_lost_or_repeated() {
    check(&Load { singles: 9_500, batches: 500, spread: Duration::from_secs(900) }, 5).await;
}

/// It has its messages in memory alone, so it is never killed.
struct Outages {
    server: Server,
    proxy: Proxy,
    count: AtomicUsize,
}

const OUTAGE: Duration = Duration::from_secs(3);

impl ledger::Broker for Outages {
    const AT_ONCE: usize = 16;

    async fn crash_and_restart(&self) {
        match self.count.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => self.proxy.set(Mode::LoseAnswers),
            1 => self.proxy.set(Mode::Cut),
            _ => self.server.process.signal("-STOP"),
        }
        // When all deliveries are accepted, this future is dropped.
        let over = Over(self);
        sleep(OUTAGE).await;
        drop(over);
    }
}

/// Ends the outage when dropped.
struct Over<'a>(&'a Outages);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.proxy.set(Mode::Pass);
        self.0.server.process.signal("-CONT");
    }
}

async fn check(load: &Load, at_least: usize) {
    let server = Server::start().await;
    let proxy = Proxy::to(server.port).await;
    drop(server.options("tickets").await);
    let programs = Programs {
        receiver: "ledger::receiver",
        worker: "ledger::worker",
        environment: vec![("PORT".to_owned(), proxy.port.to_string())],
    };
    let outages = Outages { server, proxy, count: AtomicUsize::default() };
    let balance = simulate(load, &outages, &programs).await;
    let count = outages.count.load(Ordering::Relaxed);
    println!("{count} outages of the server, {balance:?}");
    assert!(balance.lost.is_empty() && balance.repeated.is_empty(), "{balance:?}");
    assert!(count >= at_least, "{balance:?}");
    nothing_stays(&outages.server).await;
}

/// A last worker empties the queue of what the killed workers had in flight, and of copies.
async fn nothing_stays(server: &Server) {
    let work = Work::start(&options(server.port), |_| false).await;
    eventually("the queue is empty", async || server.messages("tickets").await == 0).await;
    println!("{} entries were left", work.count());
    work.stop().await;
    assert_eq!(server.messages("tickets-dead").await, 0);
}

fn options(port: u16) -> SqsOptions {
    let retry = RetryPolicy::new().longest(Duration::from_secs(2)).attempts(1_000);
    let retry = retry.first(Duration::from_millis(500));
    server::options(port, "tickets").retry(retry)
}

/// moto is slow when the machine is busy, and a request that a worker gives up is carried out all the same.
fn told_options(timeout: Duration) -> SqsOptions {
    options(told("PORT").parse().expect("a port")).timeout(timeout)
}

#[tokio::test]
async fn receiver() {
    if !is_program() {
        return;
    }
    let shop = Shop::told().await;
    let mut queue = None;
    eventually("a server, which may be away", async || {
        queue = SqsQueue::connect(&told_options(Duration::from_secs(8))).await.ok();
        queue.is_some()
    })
    .await;
    let listener = TcpListener::bind(told("RECEIVER_ADDRESS")).await.expect("a port");
    say(listener.local_addr().expect("an address"));
    let app = app(queue.expect("connected"), shop.store);
    axum::serve(listener, app).await.expect("axum serves");
}

#[tokio::test]
async fn worker() {
    if !is_program() {
        return;
    }
    let shop = Shop::told().await;
    let mut worker = None;
    eventually("a server, which may be away", async || {
        worker = SqsWorker::connect(&told_options(Duration::from_secs(20))).await.ok();
        worker.is_some()
    })
    .await;
    let once = Once::with_options("work", shop.store.clone(), short_lease()).expect("safe options");
    say("ready");
    let sell = move |envelope: Envelope, claim: ClaimHandle| shop.clone().sell(envelope, claim);
    worker.expect("connected").run(&once, sell, pending()).await;
}
