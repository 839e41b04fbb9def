//! The receivers that are compared, all with the same handler.

#[cfg(feature = "all")]
mod actix;
#[cfg(feature = "all")]
mod any;

#[cfg(feature = "all")]
pub use {actix::ActixReceiver, any::AnyReceiver};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use bytes::Bytes;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Verifier, VerifyLayer};
use sha2::{Digest, Sha256};

use crate::by_hand::{ByHand, receive};
use crate::deliveries::secret;
use crate::floor::{self, Floor};

/// A receiver on axum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// Nothing but the handler.
    Bare,
    /// The handler hashes the body once.
    Hashing,
    /// The middleware of [`by_hand`](crate::by_hand).
    ByHand,
    /// The middleware of [`floor`](crate::floor).
    Floor,
    /// `VerifyLayer` alone.
    VerifyOnly,
    /// `VerifyLayer`, `DedupeLayer` and `MemoryStore`.
    BothLayers,
}

impl Receiver {
    pub const ALL: [Self; 6] =
        [Self::Bare, Self::Hashing, Self::ByHand, Self::Floor, Self::VerifyOnly, Self::BothLayers];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare axum",
            Self::Hashing => "axum, the handler hashes the body",
            Self::ByHand => "axum, middleware written by hand",
            Self::Floor => "the floor: our verifier and store alone",
            Self::VerifyOnly => "ours, verification alone",
            Self::BothLayers => "ours, both layers",
        }
    }

    /// # Panics
    ///
    /// Never: the scope is well-formed.
    pub fn router(self) -> Router {
        let webhook = match self {
            Self::Hashing => post(hash),
            _ => post(handle),
        };
        let verify = || VerifyLayer::new(Verifier::new(secret()));
        let webhook = match self {
            Self::Bare | Self::Hashing => webhook,
            Self::ByHand => webhook.route_layer(from_fn_with_state(ByHand::default(), receive)),
            Self::Floor => {
                webhook.route_layer(from_fn_with_state(Floor::default(), floor::receive))
            }
            Self::VerifyOnly => webhook.route_layer(verify()),
            Self::BothLayers => {
                let dedupe = DedupeLayer::new("tickets", MemoryStore::new()).expect("a scope");
                webhook.route_layer((verify(), dedupe))
            }
        };
        Router::new().route("/webhooks", webhook)
    }
}

async fn handle(body: Bytes) -> &'static str {
    std::hint::black_box(body);
    "ok"
}

async fn hash(body: Bytes) -> &'static str {
    std::hint::black_box(Sha256::digest(&body));
    "ok"
}
