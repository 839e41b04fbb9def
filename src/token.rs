//! Tokens, for senders that sign nothing.
//!
//! **A token proves who knows the token, and nothing about the body.** Anyone who sees one request, at a
//! proxy, in a log or on a connection without TLS, can forge any other. Nothing shows that a request
//! was changed, is old, or was sent before. Use TLS. If the sender can sign, verify its signature
//! instead: see [`scheme`](crate::scheme).
//!
//! A [`Token`] is a header with a fixed value, a bearer token, or a user and password of HTTP basic
//! authentication. A user and password in a webhook's URL, as in `https://user:password@example.com/`,
//! arrive as basic authentication: Mailjet works that way.
//!
//! A [`TokenLayer`] takes the place of [`VerifyLayer`](crate::VerifyLayer), and a
//! [`DedupeLayer`](crate::DedupeLayer) goes below it as usual. The handler takes a [`TokenDelivery`].
//! On such a route, a handler that takes a [`Delivery`](crate::Delivery), an `Event` or a `Batch` gets
//! no request: these are for signed deliveries.
//!
#![cfg_attr(all(feature = "axum", feature = "memory"), doc = "```")]
#![cfg_attr(not(all(feature = "axum", feature = "memory")), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::post};
//! use nevent_webhooks::DedupeLayer;
//! use nevent_webhooks::store::MemoryStore;
//! use nevent_webhooks::token::{Token, TokenDelivery, TokenLayer};
//!
//! async fn handle(delivery: TokenDelivery) -> StatusCode {
//!     println!("{}: {} bytes", delivery.id(), delivery.body().len());
//!     StatusCode::OK
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = Token::header("x-make-apikey", "k5EKJQnf9sMX2vYzJdHG3L8pR")?;
//! let token = TokenLayer::new(token);
//! let dedupe = DedupeLayer::new("make", MemoryStore::new())?;
//! let app: Router = Router::new().route("/make", post(handle).route_layer((token, dedupe)));
//! # Ok(()) }
//! ```
//!
//! # Deduplication
//!
//! Without a signature, the id of a delivery is worth as much as the sender's word. By default it is
//! the hash of the body, so two requests with the same bytes are one delivery. With
//! [`id_in_body`](TokenLayerBuilder::id_in_body) the delivery is claimed by that field alone. With
//! [`id_header`](TokenLayerBuilder::id_header) it is claimed by the header and the body: another body
//! under the same id is a conflict, but the same body under another id is another delivery. A replay
//! under another id is recognised by its signature, and there is none.

pub use crate::credential::{Token, TokenError, TokenSetupError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use crate::credential::{TokenDelivery, TokenMatch};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use crate::receive::{TokenLayer, TokenLayerBuilder};
#[cfg(feature = "tower")]
pub use crate::tower::{TokenBody, TokenService};
