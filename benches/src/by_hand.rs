//! The sixty lines that people write instead: a middleware that buffers the body, verifies the
//! signature with a keyed MAC, and looks the delivery id up in a locked LRU cache.

#[cfg(feature = "all")]
mod actix;

#[cfg(feature = "all")]
pub use actix::receive as receive_on_actix;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use lru::LruCache;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::deliveries::{SECRET, unix_seconds};

/// The state of the middleware.
#[derive(Clone)]
pub struct ByHand {
    key: Hmac<Sha256>,
    seen: Arc<Mutex<LruCache<String, ()>>>,
}

impl Default for ByHand {
    fn default() -> Self {
        let key = Hmac::new_from_slice(SECRET.as_bytes()).expect("any length");
        let capacity = NonZeroUsize::new(1_500_000).expect("more than zero");
        Self { key, seen: Arc::new(Mutex::new(LruCache::sparse(capacity))) }
    }
}

/// The middleware: `axum::middleware::from_fn_with_state(ByHand::default(), receive)`.
pub async fn receive(State(state): State<ByHand>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 1 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(signature), Some(id)) = (header("x-nevent-signature"), header("x-nevent-delivery"))
    else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !state.is_genuine(signature, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let id = id.to_owned();
    if !state.is_new(&id) {
        return "Already processed".into_response();
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        state.forget(&id);
    }
    response
}

impl ByHand {
    fn is_new(&self, id: &str) -> bool {
        self.seen.lock().expect("no panic").put(id.to_owned(), ()).is_none()
    }

    fn forget(&self, id: &str) {
        self.seen.lock().expect("no panic").pop(id);
    }

    fn is_genuine(&self, signature: &str, body: &[u8]) -> bool {
        let (mut time, mut digest) = (None, None);
        for item in signature.split(',') {
            match item.split_once('=') {
                Some(("t", value)) => time = Some(value),
                Some(("v1", value)) => digest = Some(value),
                _ => {}
            }
        }
        let (Some(time), Some(digest)) = (time, digest) else { return false };
        let fresh = time.parse().is_ok_and(|time: i64| (unix_seconds() - time).abs() <= 300);
        let mut given = [0; 32];
        if !fresh || hex::decode_to_slice(digest, &mut given).is_err() {
            return false;
        }
        let mut mac = self.key.clone();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes().ct_eq(&given).into()
    }
}
