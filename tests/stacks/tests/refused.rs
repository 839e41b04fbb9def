//! The stacks that the compiler refuses, and what it says to their authors.
//!
//! The expected texts are those of the compiler named below; another one words
//! them otherwise. To move on to a newer one, change the version and run
//! `TRYBUILD=overwrite cargo test --test refused`.

use std::process::Command;

const WORDED_BY: &str = "rustc 1.95.";

#[test]
fn stacks_that_would_handle_unverified_requests_do_not_compile() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("a compiler").stdout;
    if version.starts_with(WORDED_BY.as_bytes()) {
        trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
    } else {
        println!("left out: the expected texts are those of {WORDED_BY}x");
    }
}
