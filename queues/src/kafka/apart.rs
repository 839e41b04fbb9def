use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;

/// A thread for the calls of the client that block. It is none of the runtime's, which waits for its blocking
/// calls when the process ends: a broker that is silent would hold these up for a minute.
#[derive(Debug)]
pub(super) struct Apart(Sender<Call>);

type Call = Box<dyn FnOnce() + Send>;

impl Apart {
    /// The thread ends when this is dropped and all calls have returned.
    pub(super) fn new() -> io::Result<Self> {
        let (sender, calls) = channel::<Call>();
        let thread = move || {
            for call in calls {
                // One that panics would end the thread, and the calls after it would never be made.
                let _ = catch_unwind(AssertUnwindSafe(call));
            }
        };
        Builder::new().name("kafka".to_owned()).spawn(thread)?;
        Ok(Self(sender))
    }

    /// Makes this call after those before it.
    pub(super) fn call(&self, call: impl FnOnce() + Send + 'static) {
        // The thread outlives this, so it takes the call.
        let _ = self.0.send(Box::new(call));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_panics_is_followed_by_the_next() {
        let (apart, (sender, done)) = (Apart::new().expect("a thread"), channel());
        apart.call(|| panic!("as the client does"));
        apart.call(move || sender.send(()).expect("a receiver"));
        done.recv().expect("the next call");
    }
}
