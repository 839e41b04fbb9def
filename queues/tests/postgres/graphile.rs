//! A queue that a team has in the database already: its job is inserted in the transaction that completes
//! the claim.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use deadpool_postgres::{Manager, Pool};
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};
use tokio_postgres::NoTls;

use crate::scene::Scene;
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::receiver;
use crate::support::sender::{Sender, Sent, event_json};

/// As the guide's page has it.
struct Graphile(Pool);

impl Queue for Graphile {
    async fn put(&self, envelope: &Envelope, claim: &ClaimHandle) -> Result<(), QueueError> {
        let mut connection = self.0.get().await.map_err(QueueError::unavailable)?;
        let transaction = connection.transaction().await.map_err(QueueError::unavailable)?;
        let add = "SELECT graphile_worker.add_job('webhook', $1::text::json)";
        transaction.execute(add, &[&envelope.to_json()]).await.map_err(QueueError::unavailable)?;
        Ok(claim.commit(transaction).await?)
    }
}

/// The worker's script, with its packages.
fn installed() -> Directory {
    let directory = Directory::new();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/graphile");
    for file in ["worker.js", "package.json"] {
        std::fs::copy(scripts.join(file), directory.path().join(file)).expect("a copy");
    }
    let options = ["--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    let mut npm = Command::new("npm");
    npm.arg("install").args(options).arg("--prefix").arg(directory.path());
    assert!(npm.status().expect("npm is installed").success(), "npm install failed");
    directory
}

/// The lines that the worker has printed.
type Lines = Arc<Mutex<Vec<String>>>;

fn node(directory: &Directory, url: &str) -> (Process, Lines) {
    let mut command = Command::new("node");
    command.arg(directory.path().join("worker.js")).env("DATABASE_URL", url);
    let mut process = command.stdout(Stdio::piped()).spawn().expect("node is installed");
    let (out, lines) = (process.stdout.take().expect("piped"), Lines::default());
    let printed = Arc::clone(&lines);
    thread::spawn(move || {
        let lines = BufReader::new(out).lines().map_while(Result::ok);
        // The others are log lines of graphile-worker.
        lines
            .filter(|line| !line.starts_with('['))
            .for_each(|line| printed.lock().expect("no panic").push(line));
    });
    (Process(process), lines)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs node and npm: cargo test --features postgres --test postgres graphile -- --ignored"]
async fn each_event_is_one_job_of_graphile_worker() {
    let (scene, directory) = (Scene::new().await, installed());
    let url = scene.database.url();
    let (_worker, lines) = node(&directory, &url);
    let has = |text: &str| lines.lock().expect("no panic").iter().any(|line| line == text);
    eventually("the schema is installed", async || has("migrated")).await;
    let pool = Pool::builder(Manager::new(url.parse().expect("a URL"), NoTls)).build();
    let store = scene.options.store().await.expect("a server");
    let app = receiver::app(Graphile(pool.expect("a pool")), store);
    let sender = Sender::new(vec![receiver::spawn(app).await]);

    // The job is inserted, and the completion fails.
    let rename =
        |from: &str, to: &str| format!("ALTER FUNCTION nevent_webhooks.{from} RENAME TO {to}");
    scene.database.execute(&rename("complete_in_transaction", "away")).await;
    let refused = sender.attempt("single-0", &event_json("evt_single_0")).await;
    assert_eq!(refused, (503, "Try again later".to_owned()));
    scene.database.execute(&rename("away", "complete_in_transaction")).await;
    for number in 0..3 {
        sender.deliver(&Sent::single(number)).await;
        sender.deliver(&Sent::batch(number)).await;
    }
    let with_a_zero = event_json("evt_zero").replace("{}", r#"{"name":"a\u0000b"}"#);
    sender.until_accepted("zero", &with_a_zero).await;

    let mut expected: Vec<_> = (0..3).map(|number| format!("evt_single_{number}")).collect();
    expected.extend((0..20).map(|number| format!("evt_batch_{number}")));
    expected.extend(["evt_zero".to_owned(), "migrated".to_owned()]);
    expected.sort();
    eventually("each is a job", async || lines.lock().expect("no panic").len() >= expected.len())
        .await;
    let mut lines = lines.lock().expect("no panic").clone();
    lines.sort();
    assert_eq!(lines, expected);
}
