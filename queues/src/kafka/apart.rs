use std::io;
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
        let thread = move || calls.into_iter().for_each(|call| call());
        Builder::new().name("kafka".to_owned()).spawn(thread)?;
        Ok(Self(sender))
    }

    /// Makes this call after those before it.
    pub(super) fn call(&self, call: impl FnOnce() + Send + 'static) {
        // The thread outlives this, so it takes the call.
        let _ = self.0.send(Box::new(call));
    }
}
