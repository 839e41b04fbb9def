//! Extractors: a handler says what it wants, and gets it from the verified bytes.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::observe::log;
use crate::{Delivery, Rejection};

/// Extracts what [`VerifyLayer`](crate::VerifyLayer) learned. Without that layer
/// above the handler: 500, and a text that says so.
impl<S: Sync> FromRequestParts<S> for Delivery {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let delivery = parts.extensions.get::<Self>().cloned();
        delivery.ok_or(Rejection::MissingVerifyLayer).inspect_err(log::missing_layer)
    }
}

/// Extracts the event from the verified bytes, even if the request's body has been taken.
/// 400 `Malformed event` if they are not such an event; `Result<Event<T>, Rejection>` gives
/// the handler the reason instead.
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

/// Extracts one event or several. 400 `Malformed event` if the body is neither.
#[cfg(feature = "events")]
impl<S: Sync> FromRequestParts<S> for crate::Batch {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::from_extensions(&parts.extensions)
    }
}

#[cfg(feature = "events")]
impl IntoResponse for crate::BatchReport {
    fn into_response(self) -> Response {
        self.into_result().into_response()
    }
}

/// 400 `Malformed event`, for handlers that read `data` themselves.
#[cfg(feature = "events")]
impl IntoResponse for crate::EventError {
    fn into_response(self) -> Response {
        Rejection::from(self).into_response()
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.to_response()
    }
}
