use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Harness, promises};

/// The outcome of trying one promise: kept, or why not.
pub type Trial = Result<(), NotKept>;

/// Why a promise was not shown to be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotKept {
    /// The store broke the promise. The text has the promise and the store's answer.
    #[error("{0}")]
    Broken(String),
    /// The harness cannot try the promise. The text has the reason.
    #[error("skipped: {0}")]
    Skipped(&'static str),
}

/// A promise, and why it was not shown to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The name of one of the [`promises`], or of one of a completion statement.
    pub promise: &'static str,
    /// For a broken promise, its text and the store's answer. For a skipped one, the reason.
    pub because: String,
}

/// Which of the [`promises`] a store keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The names of the promises that the store kept.
    pub kept: Vec<&'static str>,
    /// The promises that the store broke.
    pub broken: Vec<Finding>,
    /// The promises that were not tried.
    pub skipped: Vec<Finding>,
}

/// Tries all promises, one after the other.
///
/// A promise is broken, too, if the store panics.
pub fn report<H: Harness>(harness: &H) -> Report {
    let mut report = Report::default();
    crate::__each_store_promise! { @each report [report harness] }
    report
}

impl Report {
    pub(super) fn add(&mut self, promise: &'static str, trial: impl Future<Output = Trial>) {
        let tried = catch_unwind(AssertUnwindSafe(|| block_on(trial)));
        match tried.unwrap_or_else(|panic| Err(NotKept::Broken(message(&*panic)))) {
            Ok(()) => self.kept.push(promise),
            Err(NotKept::Broken(because)) => self.broken.push(Finding { promise, because }),
            Err(NotKept::Skipped(reason)) => {
                self.skipped.push(Finding { promise, because: reason.to_owned() });
            }
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let literal = || panic.downcast_ref::<&str>().map(ToString::to_string);
    panic.downcast_ref::<String>().cloned().or_else(literal).unwrap_or_default()
}

/// Tries one of the [`promises`], on a runtime of its own. If the promise is skipped, prints a
/// line with the name to the standard error stream.
///
/// # Panics
///
/// The promise is broken. The location of the panic is the caller's.
#[track_caller]
pub fn run(name: &str, promise: impl Future<Output = Trial>) {
    match block_on(promise) {
        Ok(()) => {}
        Err(NotKept::Broken(because)) => panic!("{name}: {because}"),
        // Not `eprintln!`, which the test harness would hide, because the test passes.
        Err(skipped) => drop(writeln!(std::io::stderr(), "{skipped} ({name})")),
    }
}

fn block_on(promise: impl Future<Output = Trial>) -> Trial {
    // Several threads, or the races would hardly happen.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build();
    runtime.expect("a runtime for the test").block_on(promise)
}
