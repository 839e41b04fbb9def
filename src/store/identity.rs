use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, ThreadId};

use super::Scope;

/// The identity of a store within this process. Clones of a store share it.
///
/// Return one from [`Store::identity`](super::Store::identity), and the layers notice two
/// mistakes when they are made: two endpoints with one scope, and a separate store in memory for
/// each worker of a server.
///
/// ```
/// use nevent_webhooks::store::StoreIdentity;
///
/// let in_a_database = StoreIdentity::of_a_server();
/// let in_memory = StoreIdentity::of_this_process();
/// ```
#[derive(Debug, Clone)]
pub struct StoreIdentity(Arc<Inner>);

#[derive(Debug)]
#[cfg_attr(not(feature = "actix"), allow(dead_code, reason = "only actix has stores per worker"))]
struct Inner {
    in_memory: bool,
    made_on: ThreadId,
    scopes: Mutex<Vec<(Scope, Weak<ScopeInUse>)>>,
}

/// A scope that a layer uses, for as long as the layer lives.
#[derive(Debug)]
pub(crate) struct ScopeInUse {
    since: ThreadId,
}

impl StoreIdentity {
    /// The identity of a store that keeps its records in the memory of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::new(true)
    }

    /// The identity of a store that keeps its records on a server, where other processes find
    /// them.
    #[must_use]
    pub fn of_a_server() -> Self {
        Self::new(false)
    }

    fn new(in_memory: bool) -> Self {
        let made_on = thread::current().id();
        Self(Arc::new(Inner { in_memory, made_on, scopes: Mutex::default() }))
    }

    /// Whether the store keeps its records in memory and was made on this thread.
    #[cfg(feature = "actix")]
    pub(crate) fn is_in_memory_of_this_thread(&self) -> bool {
        self.0.in_memory && self.0.made_on == thread::current().id()
    }

    /// Registers the use of a scope. The second value is whether another layer that was made on
    /// this thread uses the scope already. Other threads may be workers of a server, which each
    /// make their own layer.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn take(&self, scope: &Scope) -> (Arc<ScopeInUse>, bool) {
        let since = thread::current().id();
        let mut scopes = self.0.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.retain(|(_, used)| used.strong_count() > 0);
        let is_taken = scopes.iter().any(|(taken, by)| {
            taken == scope && by.upgrade().is_some_and(|other| other.since == since)
        });
        let used = Arc::new(ScopeInUse { since });
        scopes.push((scope.clone(), Arc::downgrade(&used)));
        (used, is_taken)
    }
}
