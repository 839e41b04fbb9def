//! The contestants: what each does for a delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, Fingerprint, RedisStore, Scope};
use nevent_webhooks::{DeliveryId, ReplayKey, Store};
use redis::Cmd;
use redis::aio::MultiplexedConnection;

use crate::server::Server;

/// One way to do the work of a delivery, in two round trips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Contestant {
    /// Two bare `SET NX PX`, which most people write one of.
    Sets,
    /// Two scripts that do nothing, with the store's keys and arguments.
    EmptyScripts,
    /// Two scripts that write what the store writes, and check nothing.
    WritingScripts,
    /// The store, for a delivery whose signed bytes never came before.
    Store,
    /// The store, for a delivery without a replay key.
    StoreUnsigned,
}

const EMPTY: [&str; 2] = ["return 'acquired'", "return 'recorded'"];
const WRITING: [&str; 2] = [
    "redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4])
     redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
     return 'acquired'",
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
     return 'recorded'",
];

/// The connections and scripts that the contestants work with.
#[derive(Clone)]
pub struct Clients {
    store: RedisStore,
    connection: MultiplexedConnection,
    /// The hashes of the scripts.
    empty: [String; 2],
    writing: [String; 2],
}

impl Clients {
    pub async fn of(server: &Server) -> Self {
        let store = RedisStore::connect(&server.url).await.expect("a server");
        let connection = server.connection().await;
        let [empty, writing] = [server.load(EMPTY).await, server.load(WRITING).await];
        Self { store, connection, empty, writing }
    }

    /// Works through so many deliveries, so many at once.
    pub async fn work(&self, contestant: Contestant, deliveries: u32, at_once: u32) {
        let next = Arc::new(AtomicU32::new(0));
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let (mut this, next) = (self.clone(), Arc::clone(&next));
                tokio::spawn(async move {
                    loop {
                        match next.fetch_add(1, Ordering::Relaxed) {
                            n if n < deliveries => this.deliver(contestant, n).await,
                            _ => return,
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    }

    async fn deliver(&mut self, contestant: Contestant, n: u32) {
        match contestant {
            Contestant::Sets => self.two_sets(n).await,
            Contestant::EmptyScripts => self.two_scripts(false, n).await,
            Contestant::WritingScripts => self.two_scripts(true, n).await,
            Contestant::Store => self.handle(n, true).await,
            Contestant::StoreUnsigned => self.handle(n, false).await,
        }
    }

    async fn two_sets(&mut self, n: u32) {
        for (kind, millis) in [('d', 30_000), ('r', 86_400_000)] {
            let mut set = redis::cmd("SET");
            set.arg(format!("nevent:{kind}{}", delivery(n))).arg(1).arg("NX").arg("PX").arg(millis);
            self.send(&set).await;
        }
    }

    async fn two_scripts(&mut self, write: bool, n: u32) {
        let [claim, complete] = if write { &self.writing } else { &self.empty };
        let record = format!("nevent:{{tickets}}d{}", delivery(n));
        let replay = format!("nevent:{{tickets}}r{n:016x}");
        let (in_flight, mut first, mut last) =
            ([b'x'; 38], redis::cmd("EVALSHA"), redis::cmd("EVALSHA"));
        first.arg(claim).arg(2).arg(&record).arg(replay);
        first.arg(&in_flight).arg(30_000).arg(delivery(n)).arg(660_000);
        last.arg(complete).arg(1).arg(record).arg(&in_flight[..17]).arg(86_400_000);
        self.send(&first).await;
        self.send(&last).await;
    }

    async fn send(&mut self, command: &Cmd) {
        command.exec_async(&mut self.connection).await.expect("a server");
    }

    async fn handle(&self, n: u32, signed: bool) {
        let id = DeliveryId::new(delivery(n)).expect("an id");
        let scope = Scope::new("tickets").expect("a scope");
        let mut claim = Claim::new(scope, id, Fingerprint::of(&n.to_be_bytes()));
        if signed {
            claim.replay_keys = [ReplayKey::from_bytes(claim.token.to_bytes())].into();
        }
        let answer = self.store.claim(&claim).await.expect("a server");
        assert_eq!(answer, ClaimAnswer::Acquired);
        let completion = self.store.complete(&claim).await.expect("a server");
        assert_eq!(completion, Completion::Recorded);
    }
}

/// An id in the form of Nevent's ids, a UUID.
fn delivery(n: u32) -> String {
    format!("{n:08x}-89ab-cdef-0123-456789abcdef")
}
