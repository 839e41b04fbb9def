//! loom's locks and atomics, a hash without a seed, and a `Notify` made of loom's locks.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub(crate) use loom::sync::atomic::AtomicUsize;
pub(crate) use loom::sync::{Mutex, MutexGuard};

/// A hash without a seed. With a seed each run of a scenario would lock different shards, and loom
/// could not repeat the run.
pub(crate) type RandomState = BuildHasherDefault<DefaultHasher>;

/// A model of tokio's `Notify`, as far as the library uses it. It promises no more than tokio does:
/// a call of `notify_waiters` wakes every `Notified` that was created before the call.
#[derive(Debug)]
pub(crate) struct Notify {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    calls: usize,
    waiting: Vec<Waker>,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { calls: 0, waiting: Vec::new() }) }
    }

    pub(crate) fn notify_waiters(&self) {
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        state.waiting.drain(..).for_each(Waker::wake);
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        Notified { notify: self, made_at: self.state.lock().unwrap().calls }
    }
}

pub(crate) struct Notified<'a> {
    notify: &'a Notify,
    made_at: usize,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.notify.state.lock().unwrap();
        if state.calls > self.made_at {
            return Poll::Ready(());
        }
        state.waiting.push(context.waker().clone());
        Poll::Pending
    }
}
