//! Receive Nevent webhooks: what reaches your handler is genuine, fresh, and
//! handled once.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::post};
//! use nevent_webhooks::store::MemoryStore;
//! use nevent_webhooks::{DedupeLayer, Delivery, Event, Secret, Verifier, VerifyLayer};
//!
//! async fn handle(delivery: Delivery, event: Event) -> StatusCode {
//!     println!("{} {} {}", delivery.id(), event.event_type, event.data);
//!     StatusCode::OK // done, never again; any other status: send it again later
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
//! let verify = VerifyLayer::new(Verifier::new(secret));
//! let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
//! let app: Router =
//!     Router::new().route("/webhooks/nevent", post(handle).route_layer((verify, dedupe)));
//! # Ok(()) }
//! ```
//!
//! 1. [`VerifyLayer`] parses the signature header, reads the body through the MAC,
//!    and judges the MAC, the timestamp and the delivery id.
//! 2. [`DedupeLayer`] claims the delivery in a [`Store`], runs the handler, and
//!    completes the delivery if the answer is 2xx, or else releases it.
//! 3. What either answers in the handler's place is a [`Rejection`], which stands
//!    in the response's extensions.
//!
//! The core needs neither Tower nor a runtime: [`Verifier`] alone, with
//! `default-features = false`. The README says what is guaranteed, and what not,
//! what the sender is answered, and what to do when something is wrong.
//!
//! Features: `axum` (the extractors), `memory` ([`MemoryStore`](store::MemoryStore))
//! and `events` ([`Event`]) are on by default; `actix` brings middleware and
//! extractors for actix-web; `redis` one memory for several processes, `redis-tls` TLS
//! to it; `tower` the layers alone, `store` the trait alone, `conformance` tests for a
//! store of your own; `tracing` log lines.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(unreachable_pub)]
// Whatever comes in, nothing panics; each exception says why it cannot.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]
// Without `events` nobody claims what is within a delivery.
#![cfg_attr(
    not(all(feature = "events", any(feature = "tower", feature = "actix"))),
    allow(dead_code, unused_imports)
)]
#![cfg_attr(not(any(feature = "tower", feature = "actix")), allow(unreachable_pub))]

mod clock;
#[cfg(any(feature = "tower", feature = "actix", feature = "redis"))]
mod deadline;
mod delivery;
mod rejection;
mod signature;
#[cfg(any(feature = "tower", feature = "actix", feature = "memory"))]
mod sync;
mod text;

#[cfg(feature = "events")]
pub mod event;
#[cfg(feature = "store")]
pub mod store;

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(all(feature = "events", any(feature = "tower", feature = "actix")))]
mod batch;
#[cfg(any(feature = "tower", feature = "actix"))]
mod dedupe;
#[cfg(any(feature = "tower", feature = "actix"))]
mod observe;
#[cfg(any(feature = "tower", feature = "actix"))]
mod receive;
#[cfg(feature = "tower")]
mod tower;

#[cfg(feature = "actix")]
pub use actix::{RejectionBody, WebhookMiddleware, WebhookService};
pub use clock::{Clock, ManualClock, SystemClock};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use dedupe::{DedupeKey, DedupeLayer, DedupeOptions, OptionsError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use delivery::Delivery;
pub use delivery::{DELIVERY_HEADER, DeliveryId, EVENT_HEADER};
#[cfg(feature = "events")]
pub use event::{Event, EventData, EventError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use observe::Incident;
#[cfg(any(feature = "tower", feature = "actix"))]
pub use receive::VerifyLayer;
pub use rejection::{BodyError, Rejection};
pub use signature::{
    ReplayKey, RotationError, SIGNATURE_HEADER, Secret, SecretError, Signer, Tolerance,
    ToleranceError, Verification, Verified, Verifier,
};
#[cfg(feature = "store")]
pub use store::Store;
#[cfg(feature = "tower")]
pub use tower::{
    DedupeFuture, DedupeService, ProvenBody, ResponseBody, VerifiedBody, VerifyService,
};

/// The README's code, compiled and run with the other examples of the docs.
#[cfg(all(
    doctest,
    feature = "actix",
    feature = "axum",
    feature = "memory",
    feature = "events",
    feature = "redis"
))]
#[doc = include_str!("../README.md")]
struct Readme;
