//! Runs threads against the store in every order, and holds what they were answered
//! against what the orders of their steps, one after another, have to answer.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use nevent_webhooks::{Clock, ManualClock};

use crate::store::{Claim, Store, memory};

/// What a thread does next; a number is a claim of the scenario's.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Claim(usize),
    Renew(usize),
    Complete(usize),
    Release(usize),
    /// So many seconds pass.
    Pass(u64),
}

/// Before the threads, each thread's, and after them.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) capacity: usize,
    pub(crate) claims: Vec<Claim>,
    pub(crate) before: Vec<Step>,
    pub(crate) threads: Vec<Vec<Step>>,
    pub(crate) after: Vec<Step>,
}

/// Each thread's answers, and the answers after.
type Outcome = Vec<Vec<String>>;

/// The outcomes that loom came upon are those of the steps one after another: no more,
/// or two steps got into one another; no fewer, or loom did not try all orders.
pub(crate) fn in_every_order(scenario: Scenario) {
    let expected = one_after_another(&scenario);
    let seen = Arc::new(StdMutex::new(BTreeSet::new()));
    let keep = Arc::clone(&seen);
    loom::model(move || {
        let outcome = at_once(&scenario);
        keep.lock().unwrap().insert(outcome);
    });
    assert_eq!(*seen.lock().unwrap(), expected);
}

fn at_once(scenario: &Scenario) -> Outcome {
    let clock = LoomClock::default();
    let store = memory::MemoryStore::with_capacity(scenario.capacity).unwrap();
    let store = Arc::new(store.clock(clock.clone()));
    let claims = Arc::new(scenario.claims.clone());
    let run = move |step| answer(&*store, &|by| clock.advance(by), &claims, step);

    scenario.before.iter().copied().for_each(|step| drop(run(step)));
    let threads: Vec<_> = scenario
        .threads
        .iter()
        .cloned()
        .map(|steps| {
            let run = run.clone();
            thread::spawn(move || steps.into_iter().map(run).collect())
        })
        .collect();
    let mut outcome: Outcome = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    outcome.push(scenario.after.iter().copied().map(run).collect());
    outcome
}

/// By the library's own store, built with the standard library's locks.
fn one_after_another(scenario: &Scenario) -> BTreeSet<Outcome> {
    let lengths: Vec<_> = scenario.threads.iter().map(Vec::len).collect();
    orders(&lengths).iter().map(|order| in_order(scenario, order)).collect()
}

/// `order` has the thread whose turn it is.
fn in_order(scenario: &Scenario, order: &[usize]) -> Outcome {
    let clock = ManualClock::at(0);
    let store = nevent_webhooks::store::MemoryStore::with_capacity(scenario.capacity).unwrap();
    let store = store.clock(clock.clone());
    let run = |step| answer(&store, &|by| clock.advance(by), &scenario.claims, step);

    scenario.before.iter().copied().for_each(|step| drop(run(step)));
    let mut outcome: Outcome = vec![Vec::new(); scenario.threads.len()];
    for thread in order {
        let step = scenario.threads[*thread][outcome[*thread].len()];
        outcome[*thread].push(run(step));
    }
    outcome.push(scenario.after.iter().copied().map(run).collect());
    outcome
}

/// All orders of so many steps of each thread.
fn orders(left: &[usize]) -> Vec<Vec<usize>> {
    if left.iter().all(|steps| *steps == 0) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for thread in (0..left.len()).filter(|thread| left[*thread] > 0) {
        let mut rest = left.to_vec();
        rest[thread] -= 1;
        all.extend(orders(&rest).into_iter().map(|order| [vec![thread], order].concat()));
    }
    all
}

fn answer(store: &impl Store, advance: &dyn Fn(Duration), claims: &[Claim], step: Step) -> String {
    match step {
        Step::Claim(claim) => answered(store.claim(&claims[claim])),
        Step::Renew(claim) => answered(store.renew(&claims[claim])),
        Step::Complete(claim) => answered(store.complete(&claims[claim])),
        Step::Release(claim) => answered(store.release(&claims[claim])),
        Step::Pass(seconds) => {
            advance(Duration::from_secs(seconds));
            String::new()
        }
    }
}

fn answered<T: std::fmt::Debug>(answer: impl Future<Output = T>) -> String {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => format!("{answer:?}"),
        Poll::Pending => unreachable!("the in-memory store answers at once"),
    }
}

/// A clock whose reading is a step that loom knows of.
#[derive(Debug, Clone, Default)]
struct LoomClock(Arc<AtomicU64>);

impl LoomClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for LoomClock {
    fn unix_seconds(&self) -> i64 {
        0
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}
