use crate::Rejection;
use crate::token::{TokenDelivery, TokenLayer};

/// Makes a delivery as this layer passes it on, for unit tests of handlers. It has no claim.
///
/// No request and no token is checked, so **anyone's bytes become a [`TokenDelivery`]**: never call this
/// function outside of a test. The id, the type of the event and the version come from where the layer
/// looks for them. The names of headers are in upper or lower case. The layer's first token counts as
/// the one that was sent. For the name of another, make a layer with that token alone.
///
/// ```
/// use nevent_webhooks::testing::token_delivery;
/// use nevent_webhooks::token::{Token, TokenDelivery, TokenLayer};
///
/// fn handle(delivery: &TokenDelivery) -> String {
///     format!("{} {}", delivery.id(), delivery.event_header().unwrap_or("-"))
/// }
///
/// let token = Token::header("x-make-apikey", "k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let layer = TokenLayer::builder([token])
///     .id_in_body("id")
///     .event_header("x-event-type")
///     .build()?;
/// let headers = [("X-Event-Type", "order.paid")];
/// let delivery = token_delivery(&layer, &headers, r#"{"id":"o-1"}"#)?;
/// assert_eq!(handle(&delivery), "o-1 order.paid");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The [`Rejection`] of the layer, if it takes the id from a header and there is not one line of it with
/// a valid [`DeliveryId`](crate::DeliveryId).
pub fn token_delivery(
    layer: &TokenLayer,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Result<TokenDelivery, Rejection> {
    let lines_of = |name| {
        let of_name = headers.iter().filter(move |(header, _)| header.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_bytes())
    };
    Ok(layer.checks.accept_unchecked(lines_of, body.into().into())?)
}
