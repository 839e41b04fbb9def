//! The ledger: what a sender was told, and what the database has, while receivers are killed and
//! stopped, the server crashes, and answers are lost.
//!
//! Handlers that complete their delivery in their own transaction have each effect exactly once. The
//! control, whose effect is committed first and completed by the layer afterwards, has some twice:
//! otherwise the faults would prove nothing.

mod book;
mod receiver;
mod sender;

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use self::book::{Book, Kind};
use self::receiver::ReceiverProcess;
use self::sender::Sender;
use crate::support::{Proxy, Server};

/// How long a receiver is stopped: longer than its lease, so that others take its deliveries.
const STOP: Duration = Duration::from_millis(2700);
const CALM: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_deliveries_and_some_faults() {
    let balance = simulate(&Load { commits: 2_000, controls: 1_000, batches: 80 }).await;
    assert!(balance.fenced > 0, "no owner was late");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --release --all-features --test postgres ledger -- --ignored --nocapture"]
async fn a_hundred_thousand_deliveries_and_many_faults() {
    let balance = simulate(&Load { commits: 140_000, controls: 20_000, batches: 5_000 }).await;
    assert!(balance.fenced >= 1_000, "only {} owners were late", balance.fenced);
}

/// How many of each kind are sent. A batch has ten events, each of which is in two batches.
struct Load {
    commits: u32,
    controls: u32,
    batches: u32,
}

async fn simulate(load: &Load) -> book::Balance {
    let begun = Instant::now();
    let mut scene = Scene::new().await;
    let sender = Sender::new(&scene.receivers, &scene.book);
    let mut faults = 0;
    {
        let mut sending = std::pin::pin!(sender.deliver_all(load));
        while timeout(CALM, sending.as_mut()).await.is_err() {
            // The sender goes on meanwhile.
            tokio::select! {
                () = scene.hurt(faults) => faults += 1,
                () = sending.as_mut() => break,
            }
        }
    }
    scene.receivers.iter_mut().for_each(ReceiverProcess::kill);
    let balance = scene.book.balance(&scene.server).await;
    println!(
        "{balance}\n{faults} faults, {} answers lost, {:?}",
        scene.proxy.lost(),
        begun.elapsed()
    );
    assert!(faults < 9 || scene.proxy.lost() > 0, "no answer was lost");
    for kind in [Kind::Commit, Kind::Event] {
        let wrong = balance.wrong(kind);
        assert!(wrong.is_empty(), "effects of {kind:?} that are not there once: {wrong:?}");
    }
    assert!(balance.lost(Kind::Control).is_empty(), "even the control loses nothing");
    assert!(!balance.wrong(Kind::Control).is_empty(), "the faults were too few to prove anything");
    balance
}

struct Scene {
    receivers: Vec<ReceiverProcess>,
    book: Book,
    proxy: Proxy,
    server: Server,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::with(&["max_connections=300"]).await;
        server.store().await;
        server.execute("CREATE TABLE effects (id text NOT NULL)").await;
        let proxy = Proxy::before(server.address()).await;
        let url = format!("postgres://postgres@{}/postgres?sslmode=disable", proxy.address());
        let book = Book::default();
        let receivers =
            (0..3).map(|number| ReceiverProcess::start(&url, number > 0, None, &book)).collect();
        Self { receivers, book, proxy, server }
    }

    /// One fault after the other, each over when this returns.
    async fn hurt(&mut self, number: usize) {
        let which = (number + number / 9) % 3;
        match number % 9 {
            0 | 3 | 5 | 6 => {
                self.receivers[which].pause();
                sleep(STOP).await;
                self.receivers[which].resume();
            }
            1 | 4 => self.receivers[which].kill_and_restart(),
            2 => self.server.crash_and_restart().await,
            7 => {
                self.proxy.cut().await;
                sleep(CALM).await;
                self.proxy.pass().await;
            }
            _ => {
                for _ in 0..10 {
                    self.proxy.lose_next_answer();
                    sleep(CALM / 10).await;
                }
            }
        }
    }
}
