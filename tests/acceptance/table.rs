//! Every test that is named after a row has that row in `README.md`, and every row has its tests.

use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("README.md");

/// Directories with tests that are named after rows. The published package lacks some.
const DIRECTORIES: [&str; 6] =
    ["acceptance", "postgres", "queue", "redis", "sqlite", "stacks/tests"];

/// The id of a row, and a file of its tests.
type Shown = BTreeSet<(String, String)>;

#[test]
fn every_row_has_its_tests_and_every_test_its_row() {
    let (rows, tests) = (rows(), tests());
    assert!(rows.len() > 70, "{rows:?}");
    let difference: Vec<_> = rows.symmetric_difference(&tests).collect();
    assert!(difference.is_empty(), "in one of README.md and the tests only: {difference:?}");
}

/// The rows of the table: `| id | … | `file`, `file` |`.
fn rows() -> Shown {
    let mut rows = Shown::new();
    for line in TABLE.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (Some(id), Some(files)) = (cells.first(), cells.last()) else { continue };
        if !is_row(id) {
            continue;
        }
        let files = files.split(", ").map(|file| file.trim_matches('`'));
        let here = files.filter(|file| directories().any(|dir| file.starts_with(dir)));
        rows.extend(here.map(|file| ((*id).to_owned(), file.to_owned())));
    }
    rows
}

/// The tests in the sources: `fn <id>_…`.
fn tests() -> Shown {
    let mut tests = Shown::new();
    for file in directories().flat_map(|dir| sources(&root().join(dir))) {
        let source = read_to_string(&file).expect("a source file");
        let name = file.strip_prefix(root()).expect("within it").with_extension("");
        let name = name.to_str().expect("text").to_owned();
        let functions = source.split("fn ").skip(1).filter_map(|rest| rest.split('_').next());
        tests.extend(functions.filter(|id| is_row(id)).map(|id| (id.to_owned(), name.clone())));
    }
    tests
}

/// One or two letters and two digits; `b` may follow.
fn is_row(id: &str) -> bool {
    let rest = id.trim_start_matches(|letter: char| letter.is_ascii_lowercase());
    let digits = rest.strip_suffix('b').unwrap_or(rest);
    matches!(id.len() - rest.len(), 1 | 2)
        && digits.len() == 2
        && digits.bytes().all(|digit| digit.is_ascii_digit())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn directories() -> impl Iterator<Item = &'static str> {
    DIRECTORIES.into_iter().filter(|dir| root().join(dir).is_dir())
}

/// The Rust files in a directory and below it.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = read_dir(directory).expect("a directory of the project");
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(ending) if ending == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}
