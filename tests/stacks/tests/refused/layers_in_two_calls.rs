use axum::routing::{MethodRouter, post};
use nevent_webhooks::{DedupeLayer, VerifyLayer};

fn webhook(verify: VerifyLayer, dedupe: DedupeLayer) -> MethodRouter {
    post(|| async {}).route_layer(dedupe).route_layer(verify)
}

fn main() {}
