use axum::routing::{MethodRouter, post};
use nevent_webhooks::{DedupeLayer, VerifyLayer};
use tower_http::limit::RequestBodyLimitLayer;

fn webhook(verify: VerifyLayer, dedupe: DedupeLayer) -> MethodRouter {
    post(|| async {}).route_layer((verify, RequestBodyLimitLayer::new(1024), dedupe))
}

fn main() {}
