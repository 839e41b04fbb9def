use axum::routing::{MethodRouter, post};
use nevent_webhooks::DedupeLayer;

fn webhook(dedupe: DedupeLayer) -> MethodRouter {
    post(|| async {}).route_layer(dedupe)
}

fn main() {}
