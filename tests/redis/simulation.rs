//! Nevent's schedule in compressed time, while one fault after another is made; and the ledger,
//! which must balance at the end.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::support::receiver_process::Plan;
use crate::support::{Ledger, Proxy, ReceiverProcess, Sender, Server};

/// A minute of Nevent's: retries within 10 s in all.
const MINUTE: Duration = Duration::from_millis(20);
/// An outage and a lease are over before the third retry, as they are in real time.
const LEASE: Duration = Duration::from_millis(300);
const CALM: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_deliveries_and_some_faults() {
    simulate(3_000, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --release --all-features --test redis -- --ignored --nocapture"]
async fn a_hundred_thousand_deliveries_and_many_faults() {
    simulate(100_000, 16).await;
}

async fn simulate(deliveries: u32, at_once: usize) {
    let begun = Instant::now();
    let mut scene = Scene::set().await;
    let addresses: Vec<_> = scene.receivers.iter().map(ReceiverProcess::address).collect();
    let sender = Sender::new(&addresses, MINUTE, &scene.ledger);
    let mut faults = 0;
    {
        let mut sending = std::pin::pin!(sender.deliver_all(0..deliveries, at_once));
        while tokio::time::timeout(CALM, sending.as_mut()).await.is_err() {
            // The sender goes on meanwhile.
            tokio::select! {
                () = scene.hurt(faults) => faults += 1,
                () = sending.as_mut() => break,
            }
        }
    }
    scene.receivers.iter_mut().for_each(ReceiverProcess::kill);
    let balance = scene.ledger.balance();
    println!("{balance}\n{faults} faults, {:?}", begun.elapsed());
    assert_eq!((balance.sent, balance.lost), (deliveries as usize, vec![]));
    // A receiver that is killed between the end of a handler and its record leaves
    // no trace of that end: that is what "a handler may start more than once" means.
    for (id, cause) in &balance.doubles {
        assert_eq!(cause, KILLED, "{id} was handled twice");
    }
}

const KILLED: &str = "a receiver was killed";

struct Scene {
    server: Server,
    proxy: Proxy,
    plan: Plan,
    receivers: Vec<ReceiverProcess>,
    ledger: Ledger,
}

impl Scene {
    async fn set() -> Self {
        let server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
        let proxy = Proxy::before(server.address()).await;
        let ledger = Ledger::default();
        let plan = Plan {
            handler: Duration::from_millis(3),
            fails_one_of: 50,
            lease: LEASE,
            ..Plan::new(&server.url_through(proxy.address()))
        };
        let receivers = (0..3).map(|_| ReceiverProcess::of(&plan, &ledger)).collect();
        Self { server, proxy, plan, receivers, ledger }
    }

    /// One fault after the other, each over when this returns.
    async fn hurt(&mut self, number: usize) {
        let outage = Duration::from_millis(200);
        match number % 6 {
            0 | 3 => self.kill_a_receiver(number % 3),
            1 => {
                self.ledger.fault("the server was killed");
                self.server.kill();
                sleep(outage).await;
                self.server.restart().await;
            }
            2 => {
                self.ledger.fault("connections were cut");
                self.proxy.cut().await;
                sleep(outage).await;
                self.proxy.pass().await;
            }
            4 => {
                self.ledger.fault("the server was stopped");
                self.server.pause();
                sleep(outage).await;
                self.server.resume();
            }
            _ => {
                self.ledger.fault("answers were lost");
                for _ in 0..10 {
                    self.proxy.lose_next_answer();
                    sleep(outage / 10).await;
                }
            }
        }
    }

    fn kill_a_receiver(&mut self, which: usize) {
        self.ledger.fault(KILLED);
        let address = self.receivers[which].address();
        self.receivers[which].kill();
        let plan = Plan { address, ..self.plan.clone() };
        self.receivers[which] = ReceiverProcess::of(&plan, &self.ledger);
    }
}
