//! The locks and atomics whose every order `tests/interleavings` tries: it builds
//! the files that use them with loom's in this module's place, and with a hash that is
//! the same in every run.

#[cfg(feature = "memory")]
pub(crate) use std::hash::RandomState;
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use std::sync::atomic::AtomicUsize;
#[cfg(feature = "memory")]
pub(crate) use std::sync::{Mutex, MutexGuard};
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use tokio::sync::Notify;
