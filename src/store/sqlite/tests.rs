//! Jobs that fail in a batch with others.

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rusqlite::Connection;

use super::file::File;
use super::job::{Answer, Outlives, Waiting, job};
use super::tables::Tables;
use super::time::after;
use super::worker::Worker;
use super::{SqliteOptions, SqliteStoreError};
use crate::DeliveryId;
use crate::store::{Claim, ClaimAnswer, Completion, Fingerprint, Scope};

/// A file of its own, removed when dropped.
struct Scene {
    file: File,
    directory: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Self {
        Self::with(name, SqliteOptions::new())
    }

    fn with(name: &str, options: SqliteOptions) -> Self {
        let name = format!("nevent-sqlite-{}-{name}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a temporary directory");
        let file = File::at(&directory.join("shop.db"), options).expect("a path");
        Self { file, directory }
    }

    /// Lets a worker with this connection do the jobs, all in one batch.
    fn work(&self, connection: &Connection, jobs: impl FnOnce(&Jobs)) {
        let (sender, receiver) = channel();
        jobs(&Jobs(sender));
        Worker::new(&self.file, connection, receiver).expect("tables").serve();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

struct Jobs(Sender<Waiting>);

impl Jobs {
    fn add<T: Send + 'static>(
        &self,
        outlives: Outlives,
        work: impl FnMut(&mut Tables<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (job, answer) = job(work);
        let waiting = Waiting { job, until: after(Duration::from_secs(60)), outlives };
        self.0.send(waiting).expect("the worker is there");
        answer
    }

    fn claim(&self, id: &str) -> Answer<ClaimAnswer> {
        let claim = claim(id);
        self.add(Outlives::Process, move |tables| tables.claim(&claim))
    }

    fn complete(&self, id: &str) -> Answer<Completion> {
        let claim = claim(id);
        self.add(Outlives::PowerCut, move |tables| tables.complete(&claim))
    }
}

fn claim(id: &str) -> Claim {
    let scope = Scope::new("tickets").expect("a scope");
    Claim::new(scope, DeliveryId::new(id).expect("an id"), Fingerprint::of(id.as_bytes()))
}

fn told<T>(mut answer: Answer<T>) -> Result<T, SqliteStoreError> {
    answer.try_recv().expect("an answer")
}

#[test]
fn a_job_that_fails_leaves_nothing_and_fails_no_other() {
    let scene = Scene::new("fails");
    let connection = scene.file.open().expect("a file");
    let mut answers = Vec::new();
    scene.work(&connection, |jobs| {
        answers.push(jobs.claim("before"));
        let half = claim("half");
        answers.push(jobs.add(Outlives::Process, move |tables| {
            tables.claim(&half)?;
            Err(rusqlite::Error::InvalidQuery)
        }));
        answers.push(jobs.claim("after"));
    });
    let [before, half, after] = answers.try_into().expect("three");
    assert_eq!(told(before).expect("claimed"), ClaimAnswer::Acquired);
    assert!(told(half).is_err());
    assert_eq!(told(after).expect("claimed"), ClaimAnswer::Acquired);
    let ids = "SELECT group_concat(id) FROM (SELECT id FROM nevent_webhooks_records ORDER BY id)";
    let ids: String = connection.query_row(ids, [], |row| row.get(0)).expect("a table");
    assert_eq!(ids, "after,before");
}

/// SQLite then rolls back the whole transaction by itself.
#[test]
fn a_full_disk_fails_only_what_needs_room() {
    let scene = Scene::new("full");
    let connection = scene.file.open().expect("a file");
    let mut held = Vec::new();
    scene.work(&connection, |jobs| held.push(jobs.claim("held")));
    assert_eq!(told(held.remove(0)).expect("room"), ClaimAnswer::Acquired);

    let pages: i64 =
        connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("pages");
    let limit = |pages: i64| {
        let limit = format!("PRAGMA max_page_count = {pages}");
        connection.query_row(&limit, [], |_| Ok(())).expect("a pragma");
    };
    limit(pages + 4);
    let mut completions = Vec::new();
    let mut repeat = Vec::new();
    scene.work(&connection, |jobs| {
        completions.extend((0..200).map(|number| jobs.complete(&format!("done-{number}"))));
        repeat.push(jobs.claim("held"));
    });
    let recorded: Vec<bool> = completions.into_iter().map(|answer| told(answer).is_ok()).collect();
    let count = recorded.iter().filter(|recorded| **recorded).count();
    assert!(count > 10 && count < 190, "{count} of 200");
    assert!(matches!(told(repeat.remove(0)), Ok(ClaimAnswer::InFlight { .. })));

    limit(1_000_000);
    let mut claims = Vec::new();
    scene.work(&connection, |jobs| {
        claims.extend((0..200).map(|number| jobs.claim(&format!("done-{number}"))));
    });
    for (number, (recorded, answer)) in recorded.into_iter().zip(claims).enumerate() {
        let expected = if recorded { ClaimAnswer::Completed } else { ClaimAnswer::Acquired };
        assert_eq!(told(answer).expect("room"), expected, "{number}");
    }
}

/// Otherwise a power cut could forget a completion.
#[test]
fn completions_wait_for_the_disk_and_claims_do_not() {
    const NORMAL: i64 = 1;
    const FULL: i64 = 2;
    for (normal, of_a_completion) in [(false, FULL), (true, NORMAL)] {
        let scene = Scene::with("synchronous", SqliteOptions::new().synchronous_normal(normal));
        let connection = scene.file.open().expect("a file");
        let level = || {
            let level = connection.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0));
            level.expect("a pragma")
        };
        let mut answers = Vec::new();
        scene.work(&connection, |jobs| answers.push(jobs.claim("d")));
        assert_eq!(level(), NORMAL);
        let mut completions = Vec::new();
        scene.work(&connection, |jobs| {
            answers.push(jobs.claim("other"));
            completions.push(jobs.complete("done"));
        });
        assert_eq!(level(), of_a_completion);
        assert!(answers.into_iter().all(|answer| told(answer).is_ok()));
        assert!(completions.into_iter().all(|answer| told(answer).is_ok()));
    }
}
