use std::sync::Arc;

use super::builder::TokenLayerBuilder;
use crate::VerifyOptions;
use crate::credential::{Token, Tokens};
use crate::receive::Checks;

/// A Tower layer that forwards requests with the right token, with their bodies read, and rejects
/// everything else.
///
/// It checks the token before it reads the body. **A token proves nothing about the body**: see the
/// [module](crate::token).
///
/// Below the layer, a request has its [`TokenDelivery`](crate::token::TokenDelivery) in the
/// extensions and, in Tower, a `TokenBody`. Put a [`DedupeLayer`](crate::DedupeLayer) below it, in
/// one call: `post(handler).route_layer((token, dedupe))`. In actix-web,
/// `WebhookMiddleware::with_token(&token, &dedupe)` is both.
///
/// A missing or wrong token is rejected with 401 and a challenge in `WWW-Authenticate`.
#[derive(Debug, Clone)]
#[must_use]
pub struct TokenLayer {
    pub(crate) checks: Arc<Checks<Tokens>>,
}

impl TokenLayer {
    /// Creates a layer for this token. The hash of a body is the delivery's id, and the options are the
    /// default ones.
    pub fn new(token: Token) -> Self {
        let (sender, places) = TokenLayerBuilder::DEFAULTS;
        Self::with(Tokens::one(sender, places, token), VerifyOptions::new())
    }

    /// Begins a layer for one to four tokens: more than one while a rotation is under way, the current
    /// token first. All are in the same header.
    ///
    /// ```
    /// use nevent_webhooks::token::{Token, TokenLayer};
    ///
    /// let current = Token::basic("mailjet", "k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// let previous = Token::basic("mailjet", "0aVnD4bWmTzq7RsuPyXc1LfEh")?.named("previous");
    /// let layer = TokenLayer::builder([current, previous]).name("mailjet").build()?;
    /// # Ok::<(), nevent_webhooks::token::TokenSetupError>(())
    /// ```
    pub fn builder(tokens: impl IntoIterator<Item = Token>) -> TokenLayerBuilder {
        TokenLayerBuilder::new(tokens.into_iter().collect())
    }

    pub(super) fn with(tokens: Tokens, options: VerifyOptions) -> Self {
        Self { checks: Arc::new(options.into_checks(tokens)) }
    }

    /// The memory, in bytes, that bodies hold while they are read. Clones count together.
    #[must_use]
    pub fn unverified_bytes(&self) -> usize {
        self.checks.unverified_bytes()
    }

    /// The number of bodies that were rejected with 503 because they did not fit into the
    /// [budget](VerifyOptions::unverified_budget). Clones count together.
    #[must_use]
    pub fn budget_rejections(&self) -> u64 {
        self.checks.budget_rejections()
    }
}
