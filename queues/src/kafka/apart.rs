use std::io;
use std::ops::Deref;
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

/// A client, whose end blocks. So it ends in a thread of its own, whoever drops it.
#[derive(Debug)]
pub(super) struct EndsApart<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> EndsApart<T> {
    pub(super) fn new(client: T) -> Self {
        Self(Some(client))
    }

    /// Ends it here.
    pub(super) fn end(mut self) {
        drop(self.0.take());
    }
}

impl<T: Send + 'static> Deref for EndsApart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it has not ended")
    }
}

impl<T: Send + 'static> Drop for EndsApart<T> {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            // Without a thread it ends here.
            let _ = Builder::new().name("kafka".to_owned()).spawn(move || drop(client));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use super::*;

    struct Client(Sender<ThreadId>);

    impl Drop for Client {
        fn drop(&mut self) {
            self.0.send(current().id()).expect("a receiver");
        }
    }

    #[test]
    fn a_client_ends_in_another_thread_unless_it_is_asked_to_end() {
        let (sender, ended) = channel();
        drop(EndsApart::new(Client(sender.clone())));
        assert_ne!(ended.recv().expect("an end"), current().id());
        EndsApart::new(Client(sender)).end();
        assert_eq!(ended.recv().expect("an end"), current().id());
    }

    #[test]
    fn a_call_that_panics_is_followed_by_the_next() {
        let (apart, (sender, done)) = (Apart::new().expect("a thread"), channel());
        apart.call(|| panic!("as the client does"));
        apart.call(move || sender.send(()).expect("a receiver"));
        done.recv().expect("the next call");
    }
}
