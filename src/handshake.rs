//! Handshakes: how a receiver shows a sender that a URL is its own.
//!
//! Before some senders deliver anything to a URL, they send it a challenge, and the receiver sends the
//! challenge back.
//!
//! - **Meta** (`WhatsApp`, Messenger, Instagram) sends a GET that is not signed and has a verify token. A
//!   [`MetaHandshake`] answers it, on the same route as the POST of the webhook.
//! - **Slack** sends a signed POST. The layers answer it themselves if the scheme says so, as
//!   [`Scheme::slack`](crate::scheme::Scheme::slack) does.
//!
//! A handshake is no delivery: no handler runs for it, and it leaves no record in the store.
//!
//! # axum
//!
#![cfg_attr(all(feature = "axum", feature = "memory"), doc = "```")]
#![cfg_attr(not(all(feature = "axum", feature = "memory")), doc = "```ignore")]
//! use axum::{Router, routing::post};
//! use nevent_webhooks::handshake::MetaHandshake;
//! use nevent_webhooks::scheme::Scheme;
//! use nevent_webhooks::store::MemoryStore;
//! use nevent_webhooks::{DedupeLayer, Delivery, Secret, VerifyLayer};
//!
//! async fn handle(delivery: Delivery) {
//!     println!("{} bytes", delivery.body().len());
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app_secret = Secret::new("4f1c1d8e0b7a4c5d9e2f3a6b7c8d9e0f")?;
//! let verify = VerifyLayer::new(Scheme::meta().verifier(app_secret));
//! let dedupe = DedupeLayer::new("whatsapp", MemoryStore::new())?;
//! let handshake = MetaHandshake::new("meatyhamhock")?;
//! let webhook = post(handle).route_layer((verify, dedupe)).get_service(handshake);
//! let app: Router = Router::new().route("/webhooks/whatsapp", webhook);
//! # Ok(()) }
//! ```
//!
//! # actix-web
//!
#![cfg_attr(all(feature = "actix", feature = "memory"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "actix", feature = "memory")), doc = "```ignore")]
//! use actix_web::{App, HttpResponse, HttpServer, web};
//! use nevent_webhooks::handshake::MetaHandshake;
//! # use nevent_webhooks::{DedupeLayer, Delivery, Secret, VerifyLayer, WebhookMiddleware};
//! # use nevent_webhooks::{scheme::Scheme, store::MemoryStore};
//!
//! # async fn handle(delivery: Delivery) -> HttpResponse {
//! #     HttpResponse::Ok().finish()
//! # }
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! # let app_secret = Secret::from_env("META_APP_SECRET")?;
//! # let verify = VerifyLayer::new(Scheme::meta().verifier(app_secret));
//! # let dedupe = DedupeLayer::new("whatsapp", MemoryStore::new())?;
//! let handshake = MetaHandshake::new("meatyhamhock")?;
//! HttpServer::new(move || {
//!     let webhook = web::post().to(handle).wrap(WebhookMiddleware::new(&verify, &dedupe));
//!     let webhook = web::resource("/webhooks/whatsapp")
//!         .route(web::get().to(handshake.clone()))
//!         .route(webhook);
//!     App::new().service(webhook)
//! })
//! .bind("127.0.0.1:3000")?
//! .run()
//! .await?;
//! # Ok(()) }
//! ```

mod error;
mod meta;
mod query;
mod token;
#[cfg(any(feature = "tower", feature = "actix"))]
mod url_verification;

pub use self::error::HandshakeError;
pub use self::meta::MetaHandshake;
pub use self::token::HandshakeTokenError;
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use self::url_verification::challenge;

/// The headers of every response to a handshake. A browser must not take the challenge for anything
/// but text, and a cache must not answer the next handshake.
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/plain; charset=utf-8"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
];
