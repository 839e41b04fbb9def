//! The stacks that the compiler refuses, the uses of a scheme that do not fit it, and what the compiler
//! says to their authors.
//!
//! The expected texts are those of the compiler named below; another one words
//! them otherwise. To move on to a newer one, change the version and run
//! `TRYBUILD=overwrite cargo test --test refused`.

use std::process::Command;

const WORDED_BY: &str = "rustc 1.95.";

#[test]
fn unverified_stacks_and_schemes_that_do_not_fit_do_not_compile() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("a compiler").stdout;
    if version.starts_with(WORDED_BY.as_bytes()) {
        let cases = trybuild::TestCases::new();
        cases.compile_fail("tests/refused/*.rs");
        cases.compile_fail("tests/refused/schemes/*.rs");
    } else {
        println!("left out: the expected texts are those of {WORDED_BY}x");
    }
}
