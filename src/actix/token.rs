//! The middleware and the extractor for senders that sign nothing.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tokio::time::Instant;

use super::middleware::{Asked, WebhookMiddleware, check_store};
use crate::credential::{TokenDelivery, Tokens};
use crate::observe::log;
use crate::receive::TokenLayer;
use crate::receive::{Checks, NotForwarded};
use crate::{DedupeLayer, Delivery, Rejection};

impl WebhookMiddleware {
    /// Creates the middleware for a sender that signs nothing. It checks the token first and then
    /// deduplicates. **A token proves nothing about the body**: see the [module](crate::token).
    ///
    /// The handler takes a [`TokenDelivery`]. A handler that takes a [`Delivery`], an `Event` or a
    /// `Batch` is not run: the response is 500 with a text that says so.
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, web};
    /// use nevent_webhooks::store::MemoryStore;
    /// use nevent_webhooks::token::{Token, TokenDelivery, TokenLayer};
    /// use nevent_webhooks::{DedupeLayer, WebhookMiddleware};
    ///
    /// async fn handle(delivery: TokenDelivery) -> HttpResponse {
    ///     println!("{}", delivery.id());
    ///     HttpResponse::Ok().finish()
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let token = TokenLayer::new(Token::basic("mailjet", "k5EKJQnf9sMX2vYzJdHG3L8pR")?);
    /// let dedupe = DedupeLayer::new("mailjet", MemoryStore::new())?;
    /// let webhook = web::post().to(handle).wrap(WebhookMiddleware::with_token(&token, &dedupe));
    /// let app = App::new().service(web::resource("/mailjet").route(webhook));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`WebhookMiddleware::new`].
    #[track_caller]
    pub fn with_token(token: &TokenLayer, dedupe: &DedupeLayer) -> Self {
        check_store(dedupe);
        Self { proof: Asked::Token(Arc::clone(&token.checks)), dedupe: dedupe.clone() }
    }
}

pub(super) async fn accepted(
    checks: &Checks<Tokens>,
    request: &ServiceRequest,
    body: &mut Payload,
    received: Instant,
) -> Result<TokenDelivery, NotForwarded> {
    let is_accepted = |request: &ServiceRequest| {
        let extensions = request.extensions();
        extensions.contains::<TokenDelivery>() || extensions.contains::<Delivery>()
    };
    if is_accepted(request) {
        return Err(Rejection::TwoTokenLayers.into());
    }
    Ok(checks.accept(request, Pin::new(body), received).await?)
}

/// Extracts the delivery that [`WebhookMiddleware::with_token`] accepted. Without that middleware above
/// the handler, the response is 500 with a text that says what is missing.
impl FromRequest for TokenDelivery {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let delivery = request.extensions().get::<Self>().cloned();
        ready(delivery.ok_or(Rejection::MissingTokenLayer).inspect_err(log::missing_layer))
    }
}
