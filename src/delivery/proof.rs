use std::fmt;
use std::time::Duration;

use super::accepted::Accepted;
use crate::{ReplayKeys, Verified};

/// Why a layer accepted a delivery, as far as the deduplication needs to know.
///
/// Public in name only: no other crate can see it.
pub trait Proof: fmt::Debug + Send + Sync + 'static {
    /// The name of the type of delivery, for `Debug`.
    const DELIVERY: &'static str;

    /// The delivery id, if the proof covers it.
    fn signed_id(&self) -> Option<&str>;

    /// The keys by which a store recognises the signed bytes. Empty if nothing is signed.
    fn replay_keys(&self) -> ReplayKeys;

    /// The time during which a replay could be accepted. `None` if it has no end.
    fn replay_window(&self) -> Option<Duration>;

    /// When the body ended, in Unix seconds.
    #[cfg(feature = "schemes")]
    fn body_end(&self) -> i64;

    /// The name of the sender's scheme.
    fn scheme(&self) -> &'static str;

    /// The tenant that sent the delivery.
    fn tenant(&self) -> Option<&str>;
}

/// A delivery with a proof of either kind, as the layers pass it on.
///
/// Public in name only: no other crate can see it.
pub trait AnyDelivery: Clone + Send + Sync + 'static {
    /// The kind of proof.
    type Proof: Proof;

    /// Wraps what a layer accepted.
    fn of(accepted: Accepted<Self::Proof>) -> Self;

    /// The delivery without the type that says how it was proven.
    fn accepted(&self) -> &Accepted<Self::Proof>;
}

impl Proof for Verified {
    const DELIVERY: &'static str = "Delivery";

    fn signed_id(&self) -> Option<&str> {
        self.signed_id()
    }

    fn replay_keys(&self) -> ReplayKeys {
        self.replay_keys().clone()
    }

    fn replay_window(&self) -> Option<Duration> {
        self.replay_window()
    }

    #[cfg(feature = "schemes")]
    fn body_end(&self) -> i64 {
        self.body_end()
    }

    fn scheme(&self) -> &'static str {
        self.scheme()
    }

    fn tenant(&self) -> Option<&str> {
        self.tenant()
    }
}
