//! A disk without room.

use std::process::Command;

use crate::support::{Directory, StoreProcess};

#[tokio::test]
async fn a_file_that_cannot_grow_loses_nothing_and_recovers() {
    let directory = Directory::new();
    let mut store = StoreProcess::with_most_kib_per_file(&directory.file(), Some(256));
    let mut recorded = 0;
    let error = loop {
        match store.ask(&format!("complete {recorded}")) {
            answer if answer == "Recorded" => recorded += 1,
            error => break error,
        }
        assert!(recorded < 20_000, "the limit does not hold");
    };
    assert!(error.starts_with("Unavailable(SQLite file "), "{error}");
    assert!(error.contains("disk"), "{error}");
    assert!(recorded > 10, "{recorded}: {error}");
    assert!(store.ask("claim another").starts_with("Unavailable("));

    let id = store.process.0.id().to_string();
    let more = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status();
    assert!(more.expect("prlimit").success());
    assert_eq!(store.ask("claim another"), "Acquired");
    for number in [0, recorded / 2, recorded - 1] {
        assert_eq!(store.ask(&format!("claim {number}")), "Completed");
    }
}
