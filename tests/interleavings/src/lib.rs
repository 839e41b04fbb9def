//! What the library's own files ask of the crate they are in, with loom's locks.
#![cfg(test)]

mod idle;
mod orders;
mod scenarios;
mod sync;

#[allow(dead_code, reason = "the library uses the rest")]
mod permits;

#[allow(dead_code, reason = "the library uses the rest")]
mod store {
    pub(crate) use nevent_webhooks::store::{
        Claim, ClaimAnswer, Completion, Fingerprint, OwnerToken, Renewal, Scope, Store, StoreError,
        StoreIdentity,
    };

    pub(crate) mod memory;
}

mod text {
    macro_rules! debug_is_display {
        ($error:ty) => {
            impl std::fmt::Debug for $error {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    std::fmt::Display::fmt(self, f)
                }
            }
        };
    }
    pub(crate) use debug_is_display;
}

use nevent_webhooks::{Clock, DeliveryId, ReplayKey, SystemClock};
