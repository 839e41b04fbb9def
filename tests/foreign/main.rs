//! Signatures of other implementations, in both directions: the senders' own packages for Node and Python,
//! and Python's `hmac`. They accept ours and refuse forged ones; we accept theirs and refuse forged ones.
//!
//! ```sh
//! cargo test --all-features --test foreign -- --ignored  # needs node, npm, and python3 with venv
//! ```
//!
//! `FOREIGN_CASES` is how many random deliveries each package signs and verifies: 10,000 by default.

mod cases;
#[path = "../support/known_sender.rs"]
mod known_sender;
mod packages;
mod programs;

use cases::Case;
use packages::{NODE, PYTHON, Package};
use programs::Program;

#[test]
#[ignore = "needs node and npm"]
fn node_agrees() {
    agree(Program::node(), &NODE);
}

#[test]
#[ignore = "needs python3 with venv"]
fn python_agrees() {
    agree(Program::python(), &PYTHON);
}

/// The program refuses to go on if one of our signatures is wrong for it, or a forged one right. It
/// returns its own signature for each case.
fn agree(program: Program, packages: &'static [Package]) {
    let mut checked = 0;
    program.talk(questions(packages), |answers| {
        for package in packages {
            for (number, case) in package.cases(count()).enumerate() {
                let answer = answers
                    .next()
                    .expect("an answer for each case: the program says above why it stopped");
                check(package, &case, &answer)
                    .unwrap_or_else(|error| panic!("{} {number}: {error}", package.name));
                checked += 1;
            }
        }
        assert_eq!(answers.next(), None, "no further answer");
    });
    assert_eq!(checked, packages.len() * count());
}

fn questions(packages: &'static [Package]) -> impl Iterator<Item = String> + Send {
    packages.iter().flat_map(|package| package.cases(count()).map(|case| case.question(package)))
}

/// Their signature is ours, and we accept it, but not a forged one.
fn check(package: &Package, case: &Case, theirs: &str) -> Result<(), String> {
    let sender = (package.sender)(&case.secret);
    let mut headers = sender.sign(&case.id, case.time, &case.body);
    let ours = known_sender::value_of(&mut headers, sender.signature_header);
    if theirs.as_bytes() != ours {
        return Err(format!("{theirs} is not {}", String::from_utf8_lossy(ours)));
    }
    *ours = theirs.into();
    let verify = |headers, body: &[u8]| sender.verify(headers, &[body], case.time);
    verify(&headers, &case.body).map_err(|error| error.to_string())?;
    if verify(&headers, &case.forged_body()).is_ok() {
        return Err("a forged body is accepted".into());
    }
    match case.forged_headers(&sender, &headers).iter().find(|h| verify(h, &case.body).is_ok()) {
        Some(_) => Err("forged headers are accepted".into()),
        None => Ok(()),
    }
}

fn count() -> usize {
    match std::env::var("FOREIGN_CASES") {
        Ok(count) => count.parse().expect("FOREIGN_CASES is a number"),
        Err(_) => 10_000,
    }
}
