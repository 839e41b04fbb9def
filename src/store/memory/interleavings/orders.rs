//! Runs threads against the store in every order that loom finds, and compares their answers
//! with those of one thread that takes all steps one after another.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use crate::Clock;
use crate::store::{Claim, MemoryStore, Store};

/// One step of a thread. A number is the place of a claim in [`Scenario::claims`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Claim(usize),
    Renew(usize),
    Complete(usize),
    Release(usize),
    /// The clock advances by this many seconds.
    Pass(u64),
}

/// The steps before the threads start, those of each thread, and those after they have ended.
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

/// Checks that the threads' outcomes are those of their steps taken one after another. An outcome
/// more means that two steps are not atomic; one less, that loom did not try all orders.
pub(crate) fn in_every_order(scenario: Scenario) {
    let expected = one_after_another(&scenario);
    assert_eq!(outcomes(move || at_once(&scenario)), expected);
}

/// The outcomes of a run in all orders of its threads.
fn outcomes(run: impl Fn() -> Outcome + Send + Sync + 'static) -> BTreeSet<Outcome> {
    let seen = Arc::new(StdMutex::new(BTreeSet::new()));
    let keep = Arc::clone(&seen);
    loom::model(move || {
        let outcome = run();
        keep.lock().unwrap().insert(outcome);
    });
    std::mem::take(&mut *seen.lock().unwrap())
}

fn at_once(scenario: &Scenario) -> Outcome {
    let clock = LoomClock::default();
    let store = Arc::new(store(scenario, &clock));
    let claims = Arc::new(scenario.claims.clone());
    let run = move |step| answer(&store, &clock, &claims, step);

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

/// The outcomes of one thread that takes all steps, in each order of them.
fn one_after_another(scenario: &Scenario) -> BTreeSet<Outcome> {
    let lengths: Vec<_> = scenario.threads.iter().map(Vec::len).collect();
    let in_order = |order: Vec<usize>| {
        let scenario = scenario.clone();
        outcomes(move || in_order(&scenario, &order))
    };
    orders(&lengths).into_iter().flat_map(in_order).collect()
}

fn store(scenario: &Scenario, clock: &LoomClock) -> MemoryStore {
    MemoryStore::with_capacity(scenario.capacity).unwrap().clock(clock.clone())
}

/// `order` holds the number of the thread whose turn it is.
fn in_order(scenario: &Scenario, order: &[usize]) -> Outcome {
    let clock = LoomClock::default();
    let store = store(scenario, &clock);
    let run = |step| answer(&store, &clock, &scenario.claims, step);

    scenario.before.iter().copied().for_each(|step| drop(run(step)));
    let mut outcome: Outcome = vec![Vec::new(); scenario.threads.len()];
    for thread in order {
        let step = scenario.threads[*thread][outcome[*thread].len()];
        outcome[*thread].push(run(step));
    }
    outcome.push(scenario.after.iter().copied().map(run).collect());
    outcome
}

/// All orders of the steps, of which each thread has this many left.
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

fn answer(store: &MemoryStore, clock: &LoomClock, claims: &[Claim], step: Step) -> String {
    match step {
        Step::Claim(claim) => answered(store.claim(&claims[claim])),
        Step::Renew(claim) => answered(store.renew(&claims[claim])),
        Step::Complete(claim) => answered(store.complete(&claims[claim])),
        Step::Release(claim) => answered(store.release(&claims[claim])),
        Step::Pass(seconds) => {
            clock.advance(Duration::from_secs(seconds));
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

/// A clock whose reading is a step of its own to loom.
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
