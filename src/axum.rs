//! The extractors for axum, and the responses that handlers can return.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

#[cfg(feature = "schemes")]
use crate::credential::TokenDelivery;
#[cfg(feature = "schemes")]
use crate::observe::log;
use crate::tower::signed_delivery;
use crate::{Delivery, Rejection};

/// Extracts the delivery that [`VerifyLayer`](crate::VerifyLayer) verified. Without that layer
/// above the handler, the response is 500 with a text that says what is missing.
impl<S: Sync> FromRequestParts<S> for Delivery {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        signed_delivery(&parts.extensions).cloned()
    }
}

/// Extracts the delivery that [`TokenLayer`](crate::token::TokenLayer) accepted. Without that layer
/// above the handler, the response is 500 with a text that says what is missing.
#[cfg(feature = "schemes")]
impl<S: Sync> FromRequestParts<S> for TokenDelivery {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let delivery = parts.extensions.get::<Self>().cloned();
        delivery.ok_or(Rejection::MissingTokenLayer).inspect_err(log::missing_layer)
    }
}

/// Extracts the event from the verified bytes, even if the request's body was already taken.
///
/// If the bytes are not such an event, the response is 400 `Malformed event`. A handler that takes
/// `Result<Event<T>, Rejection>` gets the reason instead.
#[cfg(feature = "events")]
impl<S: Sync, T> FromRequestParts<S> for crate::Event<T>
where
    Self: serde::de::DeserializeOwned,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::from_extensions(&parts.extensions)
    }
}

/// Extracts one event or several. If the body is neither, the response is 400 `Malformed event`.
#[cfg(feature = "events")]
impl<S: Sync> FromRequestParts<S> for crate::Batch {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::from_extensions(&parts.extensions)
    }
}

/// Extracts what a hand-over needs of the request.
#[cfg(feature = "queue")]
impl<S: Sync> FromRequestParts<S> for crate::queue::HandOverRequest {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::of_http(&parts.headers, &parts.extensions)
    }
}

/// Responds 200 if all events are done, otherwise 500 `Batch incomplete`.
#[cfg(feature = "events")]
impl IntoResponse for crate::BatchReport {
    fn into_response(self) -> Response {
        self.into_result().into_response()
    }
}

/// Responds 400 `Malformed event`, for handlers that read `data` themselves.
#[cfg(any(feature = "events", feature = "schemes"))]
impl IntoResponse for crate::EventError {
    fn into_response(self) -> Response {
        Rejection::from(self).into_response()
    }
}

/// Responds as the layers do by default. See [`Rejection::to_response`].
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.to_response()
    }
}
