//! The floor: a middleware as short as the one written by hand, with the library's verifier and store.
//! The layers also limit time and memory, renew leases, catch panics, let handlers outlive their
//! clients, and tell observers.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use nevent_webhooks::store::{Claim, ClaimAnswer, Fingerprint, MemoryStore, Scope};
use nevent_webhooks::{DeliveryId, Store, Verifier};

use crate::deliveries::{secret, unix_seconds};

/// The state of the middleware.
#[derive(Clone)]
pub struct Floor {
    verifier: Verifier,
    scope: Scope,
    store: Arc<MemoryStore>,
}

impl Default for Floor {
    fn default() -> Self {
        let scope = Scope::new("tickets").expect("a scope");
        Self { verifier: Verifier::new(secret()), scope, store: Arc::default() }
    }
}

/// The middleware: `axum::middleware::from_fn_with_state(Floor::default(), receive)`.
pub async fn receive(State(state): State<Floor>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 1 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(signature), Some(id)) = (header("x-nevent-signature"), header("x-nevent-delivery"))
    else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let verdict = state.verifier.verify(signature.as_bytes(), &body, unix_seconds());
    let Ok(verified) = verdict else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Ok(id) = DeliveryId::new(id) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut claim = Claim::new(state.scope.clone(), id, Fingerprint::of(&body));
    claim.replay_keys = verified.replay_keys().clone();
    match state.store.claim(&claim).await {
        Ok(ClaimAnswer::Acquired) => {}
        Ok(ClaimAnswer::Completed) => return "Already processed".into_response(),
        Ok(ClaimAnswer::Conflict) => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        // A 2xx would end the sender's retries before a handler has completed the delivery.
        Ok(_) => return StatusCode::CONFLICT.into_response(),
        Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    // The handler has ended either way: another response would have its effect repeated.
    if response.status().is_success() {
        let _ = state.store.complete(&claim).await;
    } else {
        let _ = state.store.release(&claim).await;
    }
    response
}
