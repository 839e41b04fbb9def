//! The receivers on actix-web.

use actix_web::middleware::from_fn;
use actix_web::web::{self, Bytes, Data, PayloadConfig, ServiceConfig};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Verifier, VerifyLayer, WebhookMiddleware};
use sha2::{Digest, Sha256};

use crate::by_hand::{ByHand, receive_on_actix};
use crate::deliveries::secret;

/// A receiver on actix-web.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActixReceiver {
    /// Nothing but the handler.
    Bare,
    /// The handler hashes the body once.
    Hashing,
    /// The middleware of [`by_hand`](crate::by_hand).
    ByHand,
    /// `WebhookMiddleware`, which verifies and deduplicates, with `MemoryStore`.
    BothLayers,
}

impl ActixReceiver {
    pub const ALL: [Self; 4] = [Self::Bare, Self::Hashing, Self::ByHand, Self::BothLayers];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare actix-web",
            Self::Hashing => "actix-web, the handler hashes the body",
            Self::ByHand => "actix-web, middleware written by hand",
            Self::BothLayers => "ours on actix-web, both layers",
        }
    }

    /// What `App::configure` takes. All workers share the state.
    ///
    /// # Panics
    ///
    /// Never: the scope is well-formed.
    pub fn configure(self) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
        let by_hand = Data::new(ByHand::default());
        let dedupe = DedupeLayer::new("tickets", MemoryStore::new()).expect("a scope");
        let ours = WebhookMiddleware::new(&VerifyLayer::new(Verifier::new(secret())), &dedupe);
        move |app| {
            // The extractor `Bytes` takes 256 KiB unless told otherwise.
            app.app_data(PayloadConfig::new(2 << 20)).app_data(by_hand.clone());
            let webhook = web::resource("/webhooks");
            let handled = web::post().to(handle);
            match self {
                Self::Bare => app.service(webhook.route(handled)),
                Self::Hashing => app.service(webhook.route(web::post().to(hash))),
                Self::ByHand => app.service(webhook.route(handled.wrap(from_fn(receive_on_actix)))),
                Self::BothLayers => app.service(webhook.route(handled.wrap(ours.clone()))),
            };
        }
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
