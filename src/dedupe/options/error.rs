use std::time::Duration;

use crate::store::{Scope, ScopeError};

crate::text::debug_is_display!(OptionsError);

/// A setting, or a combination of settings, with which no layer can be created.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The scope's name is not allowed.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Another layer uses the same scope in the same store.
    #[error(
        "another layer has the scope {scope:?} in this store, and two endpoints with one scope \
         would treat each other's deliveries as repeats: give each endpoint its own scope, clone \
         the layer if they are one endpoint, or allow it with `share_scope`"
    )]
    ScopeInUse {
        /// The scope.
        scope: Scope,
    },
    /// The retention is shorter than the time for which the sender may send a delivery again.
    #[error(
        "a retention of {retention:?} is shorter than the {least:?} for which the sender may \
         send again: lengthen it, or allow it with `dangerously_allow_short_retention`"
    )]
    RetentionTooShort {
        /// The retention that was set.
        retention: Duration,
        /// The sender's retry horizon.
        least: Duration,
    },
    /// The lease is less than three times the response deadline, too short to be renewed in time.
    #[error(
        "a lease of {lease:?} is less than three times the response deadline of {response_deadline:?}: \
         lengthen the lease or shorten the deadline"
    )]
    LeaseTooShort {
        /// The lease that was set.
        lease: Duration,
        /// The response deadline that was set.
        response_deadline: Duration,
    },
    /// The store timeout is zero, or as long as the response deadline.
    #[error(
        "a store timeout of {store_timeout:?} must be above zero and below the response deadline \
         of {response_deadline:?}"
    )]
    StoreTimeout {
        /// The store timeout that was set.
        store_timeout: Duration,
        /// The response deadline that was set.
        response_deadline: Duration,
    },
    /// The handler timeout is less than the response deadline. The layer would drop handlers while
    /// their sender still waits.
    #[error(
        "a handler timeout of {handler_timeout:?} is less than the response deadline of \
         {response_deadline:?}: lengthen it, or shorten the deadline"
    )]
    HandlerTimeoutTooShort {
        /// The handler timeout that was set.
        handler_timeout: Duration,
        /// The response deadline that was set.
        response_deadline: Duration,
    },
    /// The path to an event's time of creation has an empty name.
    #[error(
        "{path:?} is no path to the time of creation in a body: give names between full stops, such \
         as \"data.created\""
    )]
    CreationField {
        /// The path that was set.
        path: String,
    },
    /// `max_in_flight` is 0, so that no handler could run.
    #[error("`max_in_flight` is 0, so no handler could run: allow at least 1")]
    NoneInFlight,
}
