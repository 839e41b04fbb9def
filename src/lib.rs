//! Verifies the signature of Nevent's webhooks and runs your handler once per delivery: Tower
//! layers for axum, hyper and others, and a middleware for actix-web.
//!
#![cfg_attr(all(feature = "axum", feature = "memory", feature = "events"), doc = "```")]
#![cfg_attr(not(all(feature = "axum", feature = "memory", feature = "events")), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::post};
//! use nevent_webhooks::store::MemoryStore;
//! use nevent_webhooks::{DedupeLayer, Delivery, Event, Secret, Verifier, VerifyLayer};
//!
//! async fn handle(delivery: Delivery, event: Event) -> StatusCode {
//!     println!("{} {} {}", delivery.id(), event.event_type, event.data);
//!     StatusCode::OK // Done, never again. After any other status the sender tries again.
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?; // or Secret::from_env
//! let verify = VerifyLayer::new(Verifier::new(secret));
//! let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
//! let app: Router =
//!     Router::new().route("/webhooks/nevent", post(handle).route_layer((verify, dedupe)));
//! # Ok(()) }
//! ```
//!
//! [`guide::axum`], [`guide::actix`] and [`guide::hyper`] show whole programs, and say how to start
//! one and how to send it an event.
//!
//! # The steps of a delivery
//!
//! 1. [`VerifyLayer`] parses the signature header, reads the body within its limits while it
//!    computes the MAC, then checks the MAC, the timestamp and the delivery id. The request
//!    continues with its [`Delivery`].
//! 2. [`DedupeLayer`] claims the delivery in a [`Store`]. It answers repeats itself.
//! 3. Your handler runs. Its extractors read the verified bytes: [`Delivery`], [`Event`],
//!    [`Batch`].
//! 4. If the handler returns 2xx, [`DedupeLayer`] completes the delivery. Otherwise it releases
//!    the claim, and the sender's next retry runs the handler again.
//!
//! A response that a layer gives in the handler's place is a [`Rejection`]. It is also in the
//! response's extensions. Everything that happens is an [`Outcome`](observe::Outcome), which an
//! [`Observer`] can count or log.
//!
//! # What is guaranteed
//!
//! - No byte of a body reaches a handler before its signature matched and was found fresh enough.
//! - A handler that returned 2xx is not run again for that delivery, as long as the store
//!   remembers it and the receiver is neither frozen nor cut off from its store.
//! - Nobody is answered 2xx for a delivery that no handler has completed.
//! - The sender is answered before it gives up, and neither that nor a client that hangs up
//!   stops the handler.
//! - Without the secret, an attacker can make you read and hash bodies and nothing else.
//!
//! - With [`Delivery::commit`] and a store in the handler's own database, the effect and the record of
//!   it are committed together, or neither is.
//!
//! With other stores a handler may *start* more than once, and the sender signs neither the delivery
//! id nor the event header. [`guide::exactly_once`] and [`guide::security`] say what follows from
//! that.
//!
//! # The guide
//!
//! | I want to | page |
//! | --- | --- |
//! | receive events with axum, actix-web, hyper or anything else | [`guide::axum`], [`guide::actix`], [`guide::hyper`], [`guide::other_frameworks`] |
//! | receive from Stripe, GitHub, `WhatsApp` and others | [`guide::senders`], [`guide::custom_schemes`], [`guide::recipes`] |
//! | read events and batches | [`guide::events`], [`guide::batches`] |
//! | answer at once and work later, from a queue | [`guide::queues`] |
//! | know what the sender is answered | [`guide::responses`] |
//! | choose, run or write a store | [`guide::stores`], [`guide::redis`], [`guide::postgres`], [`guide::own_store`] |
//! | change secrets, serve tenants | [`guide::rotation`], [`guide::tenants`] |
//! | run it | [`guide::proxy`], [`guide::tls`], [`guide::source`], [`guide::shutdown`], [`guide::observing`], [`guide::troubleshooting`] |
//! | test my handler | [`guide::testing`] |
//! | commit an effect and its record together; know what an attacker can do | [`guide::exactly_once`], [`guide::security`] |
//!
//! # Types by purpose
//!
//! | for | types |
//! | --- | --- |
//! | verifying | [`VerifyLayer`], [`VerifyOptions`], [`Verifier`], [`Secret`], [`Tolerance`], [`Verification`], [`Verified`] |
//! | other senders | [`scheme::Scheme`], [`scheme::Terms`], [`scheme::SchemeBuilder`], [`scheme::Identity`], [`scheme::SchemeError`] |
//! | senders that sign nothing | [`token::Token`], [`token::TokenLayer`], [`token::TokenDelivery`] |
//! | handshakes | [`handshake::MetaHandshake`] |
//! | source addresses | [`source::SourceLayer`], [`source::Networks`], [`source::ForwardedHeader`] |
//! | several tenants on one route | [`Tenant`], [`RequestHead`] |
//! | deduplicating | [`DedupeLayer`], [`DedupeOptions`], [`DedupeKey`] |
//! | stores | [`Store`], [`store::MemoryStore`], [`store::RedisStore`], [`store::PostgresStore`], [`store::SqliteStore`], [`store::SharedStore`] |
//! | completing in the handler's transaction | [`Delivery::commit`], [`Delivery::commit_blocking`], [`transaction::Transaction`], [`transaction::CompleteError`] |
//! | the handler | [`Delivery`], [`DeliveryId`], [`Event`], [`EventData`], [`Batch`], [`ClaimHandle`] |
//! | queues | [`queue::hand_over`], [`queue::HandOver`], [`queue::Queue`], [`queue::Envelope`], [`queue::Once`], [`queue::Handled`] |
//! | rejections | [`Rejection`], [`Fault`], [`RejectionResponse`], [`BodyError`] |
//! | observing | [`Observer`], [`observe::Observation`], [`observe::Outcome`], [`Incident`] |
//! | Tower services | [`VerifyService`], [`DedupeService`], [`source::SourceService`], [`VerifiedBody`], [`ResponseBody`] |
//! | actix-web | [`WebhookMiddleware`], [`RejectionError`], [`RejectionBody`] |
//! | headers | [`SIGNATURE_HEADER`], [`DELIVERY_HEADER`], [`EVENT_HEADER`] |
//! | tests | [`testing::SignedDelivery`], [`testing::token_delivery`], [`Signer`], [`Clock`], [`ManualClock`], [`SystemClock`], [`store::conformance`] |
//! | errors of construction | [`SecretError`], [`RotationError`], [`ToleranceError`], [`OptionsError`], [`TenantError`], [`scheme::SchemeError`], [`token::TokenSetupError`], [`handshake::HandshakeTokenError`], [`source::NetworkError`] |
//! | errors of requests | [`VerifyError`], [`DeliveryIdError`], [`CreationTimeError`], [`EventError`], [`token::TokenError`], [`handshake::HandshakeError`], [`store::StoreError`], [`queue::QueueError`], [`queue::EnvelopeError`] |
//!
//! # Features
//!
//! | feature | default | brings |
//! | --- | --- | --- |
//! | `axum` | yes | the extractors for axum; includes `tower` |
//! | `memory` | yes | [`MemoryStore`](store::MemoryStore), for one process |
//! | `events` | yes | [`Event`], typed events, [`Batch`] |
//! | `schemes` | yes | the [schemes](scheme) of other senders and your own, [tokens](token), [handshakes](handshake) |
//! | `tower` | | the layers for anything that speaks Tower and `http` 1 |
//! | `actix` | | [`WebhookMiddleware`] and the extractors for actix-web 4 |
//! | `postgres` | | [`PostgresStore`](store::PostgresStore), shared by several processes; [`Delivery::commit`] for `tokio-postgres` and `deadpool-postgres` |
//! | `postgres-tls` | | TLS to PostgreSQL, by rustls with ring unless the program has installed another provider |
//! | `postgres-tls-no-provider` | | the same without ring, for a program that installs a provider |
//! | `sqlx-0_8-postgres`, `sqlx-0_9-postgres`, `sqlx-0_9-sqlite` | | [`Delivery::commit`] for `sqlx`, by its major version and the database; 0.9 needs Rust 1.94 |
//! | `redis` | | [`RedisStore`](store::RedisStore), shared by several processes |
//! | `sqlite` | | [`SqliteStore`](store::SqliteStore), in a file on one machine; a handler can complete a delivery in its own transaction |
//! | `redis-tls` | | `rediss://`, by rustls with ring unless the program has installed another provider |
//! | `redis-tls-no-provider` | | the same without ring, for a program that installs a provider |
//! | `queue` | | the [bridge to a queue](queue): the hand-over, the envelope, and the engine for a worker |
//! | `source` | | [`SourceLayer`](source::SourceLayer), for Tower and actix-web: only listed addresses may send |
//! | `tracing` | | log lines and spans |
//! | `store` | | the trait [`Store`] alone |
//! | `conformance` | | the promises of [`Store`] as tests for a store of your own |
//!
//! Without any feature, the crate is its core: [`Verifier`], with no async runtime, no framework
//! and no clock of its own.
#![cfg_attr(docsrs, feature(doc_cfg))]
// The links lead to what all features together have.
#![cfg_attr(
    not(all(
        feature = "actix",
        feature = "axum",
        feature = "conformance",
        feature = "events",
        feature = "memory",
        feature = "postgres",
        feature = "queue",
        feature = "redis",
        feature = "schemes",
        feature = "source",
        feature = "sqlite"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]
#![warn(unreachable_pub)]
// No input may cause a panic. Each exception says why it cannot.
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
// Without `events`, nothing claims the events of a delivery. Without `schemes`, there is one sender,
// which uses a part of what the data of a scheme can say.
#![cfg_attr(
    not(all(feature = "events", feature = "schemes", any(feature = "tower", feature = "actix"))),
    allow(dead_code, unused_imports)
)]
#![cfg_attr(
    not(any(feature = "tower", feature = "actix", feature = "queue")),
    allow(unreachable_pub)
)]

mod clock;
#[cfg(feature = "schemes")]
mod credential;
#[cfg(any(
    feature = "tower",
    feature = "actix",
    feature = "queue",
    feature = "redis",
    feature = "postgres",
    feature = "sqlite"
))]
mod deadline;
mod delivery;
#[cfg(feature = "schemes")]
pub mod handshake;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod panic;
mod rejection;
pub mod scheme;
mod signature;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue", feature = "memory"))]
mod sync;
pub mod testing;
mod text;
#[cfg(feature = "schemes")]
pub mod token;

#[cfg(feature = "events")]
pub mod event;
#[cfg(any(feature = "events", feature = "schemes"))]
mod event_error;
#[cfg(feature = "store")]
pub mod store;

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(all(feature = "events", any(feature = "tower", feature = "actix")))]
mod batch;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod dedupe;
#[cfg(any(feature = "tower", feature = "actix"))]
mod extract;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub mod observe;
#[cfg(feature = "queue")]
pub mod queue;
#[cfg(any(feature = "tower", feature = "actix"))]
mod receive;
#[cfg(feature = "source")]
pub mod source;
#[cfg(feature = "tower")]
mod tower;
#[cfg(feature = "store")]
pub mod transaction;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod worker_thread;

// For the documentation only: a program contains nothing of it.
#[cfg(all(
    any(doc, doctest),
    feature = "actix",
    feature = "axum",
    feature = "conformance",
    feature = "events",
    feature = "memory",
    feature = "postgres",
    feature = "queue",
    feature = "redis",
    feature = "schemes",
    feature = "source",
    feature = "sqlite"
))]
pub mod guide;

// Verifying.
pub use signature::{
    ReplayKey, ReplayKeys, RotationError, Secret, SecretError, Signer, Tolerance, ToleranceError,
    Verification, Verified, Verifier, VerifyError,
};

#[cfg(any(feature = "tower", feature = "actix"))]
pub use receive::{RequestHead, Tenant, TenantError, VerifyLayer, VerifyOptions};

// Deduplicating.
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub use dedupe::{DedupeKey, DedupeLayer, DedupeOptions, OptionsError};
#[cfg(feature = "store")]
#[doc(inline)]
pub use store::Store;

// In the handler.
pub use delivery::{DeliveryId, DeliveryIdError};
pub use scheme::{DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER};

#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub use delivery::{ClaimHandle, ClaimState, Delivery};
#[cfg(feature = "events")]
#[doc(inline)]
pub use event::{Event, EventData};
#[cfg(any(feature = "events", feature = "schemes"))]
pub use event_error::EventError;

#[cfg(all(feature = "events", any(feature = "tower", feature = "actix")))]
pub use batch::{Batch, BatchReport, EventFailure};

// Rejections and observing.
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
#[doc(inline)]
pub use observe::{Incident, Observer};
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub use rejection::RejectionResponse;
pub use rejection::{BodyError, CreationTimeError, Fault, Rejection};

// Adapters.
#[cfg(feature = "actix")]
pub use actix::{RejectionBody, RejectionError, WebhookMiddleware, WebhookService};
#[cfg(feature = "tower")]
pub use tower::{
    DedupeFuture, DedupeService, ProvenBody, ResponseBody, VerifiedBody, VerifyService,
};

// Time.
pub use clock::{Clock, ManualClock, SystemClock};

/// The README's code, compiled and run with the other examples of the docs.
#[cfg(all(doctest, feature = "axum", feature = "memory", feature = "events"))]
#[doc = include_str!("../README.md")]
struct Readme;
