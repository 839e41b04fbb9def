//! The locks, atomics and wake-ups of the in-memory store and of the permits.
//!
//! The unit tests named `interleavings` try every order of a few threads, with loom's types in
//! place of these. They need a build with `--cfg nevent_loom`: see `TESTING.md`. The usual name
//! of that setting, `loom`, does not work here. With it tokio has no sockets, and without sockets
//! other dependencies of the tests do not compile.

#[cfg(all(test, nevent_loom))]
mod modelled;

#[cfg(all(test, nevent_loom))]
pub(crate) use self::modelled::*;
#[cfg(not(all(test, nevent_loom)))]
pub(crate) use self::standard::*;

#[cfg(not(all(test, nevent_loom)))]
mod standard {
    #[cfg(feature = "memory")]
    pub(crate) use std::hash::RandomState;
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) use std::sync::atomic::AtomicUsize;
    #[cfg(feature = "memory")]
    pub(crate) use std::sync::{Mutex, MutexGuard};
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) use tokio::sync::Notify;
}
