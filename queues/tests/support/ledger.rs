//! The ledger: deliveries, their retries and copies on one side, effects on the other, while receivers,
//! workers and the broker are killed in between.
//!
//! An engine's test gives its broker and two tests of its own: one that is the receiver (it calls
//! [`serve`]) and one that is the worker (its handler is [`Shop::sell`]).

mod shop;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use self::shop::Shop;
use super::directory::Directory;
use super::program::{Program, say, told};
use super::sender::{Sender, Sent};
use super::{eventually, ports};

/// How many deliveries are sent, and over how long. A batch has ten events, each of which is in two
/// batches.
pub struct Load {
    pub singles: u32,
    pub batches: u32,
    pub spread: Duration,
}

/// The server whose queue it is.
pub trait Broker {
    /// The most deliveries under way. A slow broker confirms none in time if there are too many.
    const AT_ONCE: usize = 100;
    /// How long nothing is hurt between two faults.
    const CALM: Duration = Duration::from_millis(250);

    /// `kill -9`, and a start with the same data.
    async fn crash_and_restart(&self);
}

/// Which tests of this program are the receiver and the worker, and what they need to be told.
pub struct Programs {
    pub receiver: &'static str,
    pub worker: &'static str,
    pub environment: Vec<(String, String)>,
}

/// What there is at the end.
#[derive(Debug)]
pub struct Balance {
    /// All events that were answered 2xx.
    pub events: usize,
    /// The sender's requests, with retries and copies.
    pub requests: usize,
    /// Events without an effect.
    pub lost: Vec<String>,
    /// Events with more than one.
    pub repeated: Vec<String>,
    pub faults: usize,
    /// Those of the broker.
    pub crashes: usize,
    pub took: Duration,
}

/// Sends it all while one fault follows the other. Returns when every event has its effect, or fails.
pub async fn simulate<B: Broker>(load: &Load, broker: &B, programs: &Programs) -> Balance {
    let begun = Instant::now();
    let directory = Directory::new();
    let shop = Shop::open(&directory.file("shop.db")).await;
    let mut scene = Scene::start(&directory, programs);
    let sender = Sender::new(scene.addresses.clone());
    let events = events(load);
    let mut faults = 0;
    {
        let mut sending = std::pin::pin!(deliver_all(&sender, load, B::AT_ONCE));
        while timeout(B::CALM, sending.as_mut()).await.is_err() {
            let is_sent = scene.hurt_during(faults, broker, sending.as_mut()).await;
            faults += 1;
            if is_sent {
                break;
            }
        }
    }
    // On a slow machine there were few, so some hurt the workers alone.
    while faults < LEAST_FAULTS {
        scene.hurt(faults, broker).await;
        faults += 1;
    }
    all_have_their_effect(&shop, &events).await;
    // What a killed worker had in hand is tried again after this.
    sleep(AFTERWARDS).await;
    scene.receivers.iter_mut().chain(&mut scene.workers).for_each(Program::kill);
    let counts = shop.counts().await;
    let having = |is: fn(u32) -> bool| -> Vec<String> {
        let of = |event: &String| counts.get(event).copied().unwrap_or_default();
        events.iter().filter(|event| is(of(event))).cloned().collect()
    };
    let (lost, repeated) = (having(|count| count == 0), having(|count| count > 1));
    let requests = sender.attempts();
    let (crashes, took) = (faults / 4, begun.elapsed());
    Balance { events: events.len(), requests, lost, repeated, faults, crashes, took }
}

/// A slow broker takes long, so this fails only if no event gets its effect any more.
async fn all_have_their_effect(shop: &Shop, events: &BTreeSet<String>) {
    let mut missing = events.len();
    while missing > 0 {
        eventually("another event has its effect", async || {
            // The query takes a core from the workers.
            sleep(LOOK).await;
            let counts = shop.counts().await;
            let left = events.iter().filter(|event| !counts.contains_key(*event)).count();
            let before = std::mem::replace(&mut missing, left);
            left == 0 || left < before
        })
        .await;
    }
}

/// Sends it all while receivers and the broker are killed, and takes nothing out. Returns the number of
/// events, and that of the requests: the queue's copies can be counted then.
pub async fn only_hand_over<B: Broker>(
    load: &Load,
    broker: &B,
    programs: &Programs,
) -> (usize, usize) {
    let directory = Directory::new();
    let mut scene = Scene::receivers(&directory, programs);
    let sender = Sender::new(scene.addresses.clone());
    let mut faults = 0;
    let mut sending = std::pin::pin!(deliver_all(&sender, load, B::AT_ONCE));
    while timeout(B::CALM, sending.as_mut()).await.is_err() {
        if scene.hurt_during(faults, broker, sending.as_mut()).await {
            break;
        }
        faults += 1;
    }
    (events(load).len(), sender.attempts())
}

const LEAST_FAULTS: usize = 4;
const LOOK: Duration = Duration::from_millis(250);
/// Longer than a lease.
const FROZEN: Duration = Duration::from_millis(2500);
const AFTERWARDS: Duration = Duration::from_secs(4);

/// Two receivers and two workers.
struct Scene {
    receivers: Vec<Program>,
    addresses: Vec<std::net::SocketAddr>,
    workers: Vec<Program>,
}

impl Scene {
    fn start(directory: &Directory, programs: &Programs) -> Self {
        let environment = environment(directory, programs);
        let workers = (0..2).map(|_| Program::start(programs.worker, &environment)).collect();
        Self { workers, ..Self::receivers(directory, programs) }
    }

    fn receivers(directory: &Directory, programs: &Programs) -> Self {
        let environment = environment(directory, programs);
        let receiver = |_| {
            let at = format!("127.0.0.1:{}", ports::free_port());
            let own = [environment.clone(), vec![("RECEIVER_ADDRESS".to_owned(), at)]].concat();
            Program::start(programs.receiver, &own)
        };
        let receivers: Vec<_> = (0..2).map(receiver).collect();
        let addresses = receivers.iter().map(|one| one.said().parse().expect("an address"));
        Self { addresses: addresses.collect(), receivers, workers: Vec::new() }
    }

    /// Returns whether the sending has ended meanwhile. The fault is always brought to its end: a worker
    /// that stayed frozen would hold the lock of the shop's file.
    async fn hurt_during(
        &mut self,
        number: usize,
        broker: &impl Broker,
        mut sending: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> bool {
        let mut hurting = std::pin::pin!(self.hurt(number, broker));
        tokio::select! {
            () = hurting.as_mut() => false,
            () = sending.as_mut() => {
                hurting.await;
                true
            }
        }
    }

    async fn hurt(&mut self, number: usize, broker: &impl Broker) {
        // Without workers, receivers and the broker in turn.
        let number = if self.workers.is_empty() { number * 2 + 1 } else { number };
        let which = number / 4 % 2;
        match number % 4 {
            0 => {
                if let Some(worker) = self.workers.get_mut(which) {
                    worker.kill_and_restart();
                }
            }
            1 => self.receivers[which].kill_and_restart(),
            // Like a machine that is suspended: others take its entries, and then it goes on.
            2 => {
                if let Some(worker) = self.workers.get(which) {
                    worker.signal("-STOP");
                    sleep(FROZEN).await;
                    worker.signal("-CONT");
                }
            }
            _ => broker.crash_and_restart().await,
        }
    }
}

fn environment(directory: &Directory, programs: &Programs) -> Vec<(String, String)> {
    let file = ("LEDGER_FILE".to_owned(), directory.file("shop.db"));
    [programs.environment.clone(), vec![file]].concat()
}

async fn deliver_all(sender: &Sender, load: &Load, at_once: usize) {
    let deliveries = mixed(load);
    let gap = load.spread / u32::try_from(deliveries.len()).expect("few");
    let begun = Instant::now();
    let mut under_way = JoinSet::new();
    for (number, sent) in (0..).zip(deliveries) {
        // Every seventh is sent twice at the same time.
        for _ in 0..if number % 7 == 0 { 2 } else { 1 } {
            let (sender, sent) = (sender.clone(), sent.clone());
            under_way.spawn(async move { sender.deliver(&sent).await });
        }
        while under_way.len() > at_once {
            under_way.join_next().await.expect("a delivery").expect("no panic");
        }
        sleep((gap * number).saturating_sub(begun.elapsed())).await;
    }
    while let Some(ended) = under_way.join_next().await {
        ended.expect("no panic");
    }
}

/// Singles and batches, evenly mixed.
fn mixed(load: &Load) -> Vec<Sent> {
    let at = |number: u32, of: u32| f64::from(number) / f64::from(of);
    let singles = (0..load.singles).map(|n| (at(n, load.singles), Sent::single(n)));
    let batches = (0..load.batches).map(|n| (at(n, load.batches), Sent::batch(n)));
    let mut all: Vec<_> = singles.chain(batches).collect();
    all.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    all.into_iter().map(|(_, sent)| sent).collect()
}

fn events(load: &Load) -> BTreeSet<String> {
    mixed(load).into_iter().flat_map(|sent| sent.events).collect()
}

/// The number of effects of each event.
pub type Counts = HashMap<String, u32>;

/// The receiver's process: serves until it is killed.
pub async fn serve(app: Router) {
    let listener = TcpListener::bind(told("RECEIVER_ADDRESS")).await.expect("a port");
    say(listener.local_addr().expect("an address"));
    axum::serve(listener, app).await.expect("axum serves");
}
