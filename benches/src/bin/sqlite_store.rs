//! Measures the SQLite store beside the two statements that most people write, each of which is a
//! transaction of its own on one connection:
//!
//! ```sh
//! cargo run --release --bin sqlite_store   # -- DIRECTORY, on the disk to be measured
//! ```
//!
//! A delivery is the claim and the completion of a new one, whose signed bytes never came before. With
//! `FULL`, each commit waits for the disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use nevent_webhooks::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, Scope, SqliteOptions, SqliteStore,
};
use nevent_webhooks::{DeliveryId, ReplayKey, ReplayKeys, Store};
use nevent_webhooks_benches::rounds::{Figure, rounds, take_turns};
use nevent_webhooks_benches::section::Section;
use rusqlite::Connection;
use tokio::task::JoinSet;

const ROUNDS: usize = 5;
const NAMES: [&str; 4] = ["store, FULL", "store, NORMAL", "two statements, FULL", "two, NORMAL"];

#[tokio::main]
async fn main() {
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let parent = directory.map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = parent.join(format!("sqlite-store-benchmark-{}", std::process::id()));
    std::fs::create_dir(&directory).expect("a writable directory");
    let contestants = [
        Contestant::store(&directory, false).await,
        Contestant::store(&directory, true).await,
        Contestant::statements(&directory, "FULL"),
        Contestant::statements(&directory, "NORMAL"),
    ];
    let mut section = Section::new("sqlite_store");
    section.text(&format!("Deliveries per second, in {} rounds:", rounds(ROUNDS)));
    let mut rows = Vec::new();
    for at_once in [1, 64] {
        rows.push(row(&contestants, at_once).await);
    }
    let head: Vec<&str> = ["at once"].into_iter().chain(NAMES).collect();
    section.table(&head, rows);
    section.finish();
    drop(contestants);
    std::fs::remove_dir_all(directory).expect("its own directory");
}

/// One line of the table.
async fn row(contestants: &[Contestant; 4], at_once: u32) -> Vec<String> {
    let mut turns = Vec::new();
    take_turns(rounds(ROUNDS), contestants.len(), |which, counts| turns.push((which, counts)));
    let mut speeds = [(); 4].map(|()| Vec::new());
    for (which, counts) in turns {
        let speed = contestants[which].speed(at_once).await;
        if counts {
            speeds[which].push(speed);
        }
    }
    let figures = speeds.map(|speeds| format!("{:.0}", Figure::of(speeds)));
    [at_once.to_string()].into_iter().chain(figures).collect()
}

/// One way to remember deliveries.
#[derive(Clone)]
enum Contestant {
    Store(SqliteStore),
    Statements(Arc<Mutex<Connection>>),
}

impl Contestant {
    async fn store(directory: &Path, normal: bool) -> Self {
        let file = directory.join(format!("store-{normal}.db"));
        let options = SqliteOptions::new().synchronous_normal(normal);
        Self::Store(SqliteStore::open_with(file, options).await.expect("a file"))
    }

    fn statements(directory: &Path, synchronous: &str) -> Self {
        let connection = Connection::open(directory.join(format!("{synchronous}.db")));
        let connection = connection.expect("a file");
        let set_up = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
            CREATE TABLE ids (id TEXT PRIMARY KEY, completed INTEGER) STRICT, WITHOUT ROWID"
        );
        connection.execute_batch(&set_up).expect("a file");
        Self::Statements(Arc::new(Mutex::new(connection)))
    }

    /// Deliveries per second in one round.
    async fn speed(&self, at_once: u32) -> f64 {
        let each = if at_once == 1 { 500 } else { 100 };
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..at_once {
            let contestant = self.clone();
            tasks.spawn(async move {
                for _ in 0..each {
                    contestant.deliver().await;
                }
            });
        }
        tasks.join_all().await;
        f64::from(each * at_once) / begun.elapsed().as_secs_f64()
    }

    async fn deliver(&self) {
        let claim = new_claim();
        match self {
            Self::Store(store) => {
                assert_eq!(store.claim(&claim).await.expect("a file"), ClaimAnswer::Acquired);
                let completion = store.complete(&claim).await.expect("a file");
                assert_eq!(completion, Completion::Recorded);
            }
            Self::Statements(connection) => {
                for text in
                    ["INSERT INTO ids VALUES (?1, 0)", "UPDATE ids SET completed = 1 WHERE id = ?1"]
                {
                    let connection = Arc::clone(connection);
                    let id = claim.id.as_str().to_owned();
                    let execute = move || {
                        let connection = connection.lock().expect("no panic");
                        assert_eq!(connection.execute(text, [id]).expect("a file"), 1);
                    };
                    tokio::task::spawn_blocking(execute).await.expect("no panic");
                }
            }
        }
    }
}

/// A delivery with an id like a random UUID.
fn new_claim() -> Claim {
    let scope = Scope::new("tickets").expect("a scope");
    let mut claim = Claim::new(scope, id(), Fingerprint::of(b"body"));
    let key = Fingerprint::of(claim.id.as_str().as_bytes()).to_bytes();
    claim.replay_keys = ReplayKeys::first_four([ReplayKey::from_bytes(key)]);
    claim
}

fn id() -> DeliveryId {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let random = u128::from_be_bytes(Fingerprint::of(&number.to_be_bytes()).to_bytes());
    DeliveryId::new(format!("{random:032x}")).expect("an id")
}
