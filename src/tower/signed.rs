use http::Extensions;

use crate::observe::log;
use crate::{Delivery, Rejection};

/// The signed delivery of a request, or the rejection that says which layer is missing.
pub(crate) fn signed_delivery(extensions: &Extensions) -> Result<&Delivery, Rejection> {
    let delivery = extensions.get().ok_or_else(|| without_signature(extensions));
    delivery.inspect_err(log::missing_layer)
}

#[cfg_attr(not(feature = "schemes"), expect(unused_variables, reason = "there are no tokens"))]
fn without_signature(extensions: &Extensions) -> Rejection {
    #[cfg(feature = "schemes")]
    if extensions.get::<crate::credential::TokenDelivery>().is_some() {
        return Rejection::NotSigned;
    }
    Rejection::MissingVerifyLayer
}
