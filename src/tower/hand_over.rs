//! The request of a hand-over, with the types of the `http` crate.

use http::{Extensions, HeaderMap, HeaderValue};

use super::signed::signed_delivery;
use crate::Rejection;
use crate::extract::RequestContext;
use crate::queue::HandOverRequest;

impl HandOverRequest {
    pub(crate) fn of_http(headers: &HeaderMap, extensions: &Extensions) -> Result<Self, Rejection> {
        let delivery = signed_delivery(extensions)?;
        let claimed = extensions.get::<RequestContext>().and_then(|layers| layers.claimed.as_ref());
        let lines_of = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
        Self::new(delivery.clone(), claimed, lines_of)
    }
}
