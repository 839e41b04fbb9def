//! Stores behind a pointer: of any type, or of one that is known.

use std::any::{Any, type_name};
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{
    Claim, ClaimAnswer, Completion, CompletionSql, Renewal, Store, StoreError, StoreIdentity,
};

/// A store of any type. Cheap to clone; all clones are the same store.
///
/// Use it to choose a store at run time, or to share one between layers. Where the type of the
/// store is known, an [`Arc`] of it does the same.
///
#[cfg_attr(all(feature = "tower", feature = "memory"), doc = "```")]
#[cfg_attr(not(all(feature = "tower", feature = "memory")), doc = "```ignore")]
/// use nevent_webhooks::DedupeLayer;
/// use nevent_webhooks::store::{MemoryStore, SharedStore};
///
/// let store = SharedStore::new(MemoryStore::new());
/// let tickets = DedupeLayer::new("tickets", store.clone())?;
/// let fans = DedupeLayer::new("fans", store)?;
/// # Ok::<(), nevent_webhooks::OptionsError>(())
/// ```
#[derive(Clone)]
pub struct SharedStore(Arc<dyn AnyStore>);

impl SharedStore {
    /// Wraps a store. A `SharedStore` is returned as it is.
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        // Otherwise each layer that is given one would add a pointer and an allocation per call.
        match (&store as &dyn Any).downcast_ref::<Self>() {
            Some(shared) => shared.clone(),
            None => Self(Arc::new(store)),
        }
    }

    /// The store whose calls say whether they have to wait. The methods of [`Store`] hide that in a
    /// future.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn any(&self) -> &dyn AnyStore {
        &*self.0
    }
}

impl Store for SharedStore {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        self.0.claim(claim).answer().await
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        self.0.renew(claim).answer().await
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        self.0.complete(claim).answer().await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.0.release(claim).answer().await
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        self.0.identity()
    }

    fn completion_sql(&self) -> Option<&CompletionSql> {
        self.0.completion_sql()
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedStore({})", self.0.type_name())
    }
}

impl<T: Store> Store for Arc<T> {
    const NEVER_WAITS: bool = T::NEVER_WAITS;

    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<ClaimAnswer, StoreError>> + Send {
        (**self).claim(claim)
    }

    fn renew(&self, claim: &Claim) -> impl Future<Output = Result<Renewal, StoreError>> + Send {
        (**self).renew(claim)
    }

    fn complete(
        &self,
        claim: &Claim,
    ) -> impl Future<Output = Result<Completion, StoreError>> + Send {
        (**self).complete(claim)
    }

    fn release(&self, claim: &Claim) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).release(claim)
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        (**self).identity()
    }

    fn completion_sql(&self) -> Option<&CompletionSql> {
        (**self).completion_sql()
    }
}

/// [`Store`] in a form that a trait object can have: a trait with `async fn`s cannot be one.
pub(crate) trait AnyStore: Send + Sync {
    fn claim<'a>(&'a self, claim: &'a Claim) -> Call<'a, ClaimAnswer>;
    fn renew<'a>(&'a self, claim: &'a Claim) -> Call<'a, Renewal>;
    fn complete<'a>(&'a self, claim: &'a Claim) -> Call<'a, Completion>;
    fn release<'a>(&'a self, claim: &'a Claim) -> Call<'a, ()>;
    fn identity(&self) -> Option<&StoreIdentity>;
    fn completion_sql(&self) -> Option<&CompletionSql>;
    fn type_name(&self) -> &'static str;
}

impl<S: Store> AnyStore for S {
    fn claim<'a>(&'a self, claim: &'a Claim) -> Call<'a, ClaimAnswer> {
        call::<S, _, _>(|| Store::claim(self, claim))
    }

    fn renew<'a>(&'a self, claim: &'a Claim) -> Call<'a, Renewal> {
        call::<S, _, _>(|| Store::renew(self, claim))
    }

    fn complete<'a>(&'a self, claim: &'a Claim) -> Call<'a, Completion> {
        call::<S, _, _>(|| Store::complete(self, claim))
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> Call<'a, ()> {
        call::<S, _, _>(|| Store::release(self, claim))
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        Store::identity(self)
    }

    fn completion_sql(&self) -> Option<&CompletionSql> {
        Store::completion_sql(self)
    }

    fn type_name(&self) -> &'static str {
        type_name::<S>()
    }
}

/// A call of a store: already answered, or a future that has not been polled.
pub(crate) enum Call<'a, T> {
    Answered(Result<T, StoreError>),
    Waiting(Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>),
}

impl<T> Call<'_, T> {
    async fn answer(self) -> Result<T, StoreError> {
        match self {
            Self::Answered(answer) => answer,
            Self::Waiting(future) => future.await,
        }
    }
}

/// Makes a call; one that waits is boxed. A store may be asked twice with the same claim, so a
/// future that was to be ready and is not can be made anew.
fn call<'a, S: Store, T, F>(make: impl Fn() -> F) -> Call<'a, T>
where
    F: Future<Output = Result<T, StoreError>> + Send + 'a,
{
    let at_once = if S::NEVER_WAITS { first_poll(make()) } else { None };
    at_once.map_or_else(|| Call::Waiting(Box::pin(make())), Call::Answered)
}

fn first_poll<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
