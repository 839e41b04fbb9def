use std::marker::PhantomData;

use serde::Deserialize;

use crate::{Delivery, EventError};

impl Delivery {
    /// Reads the body as your own type, from JSON. A byte order mark before the JSON is skipped.
    ///
    /// The type may borrow from the delivery: `&RawValue` of `serde_json` is the text of a value that
    /// has not been parsed. In a handler, `?` responds 400 `Malformed event` if it returns a
    /// [`Rejection`](crate::Rejection) as its error.
    ///
    #[cfg_attr(feature = "axum", doc = "```")]
    #[cfg_attr(not(feature = "axum"), doc = "```ignore")]
    /// use axum::http::StatusCode;
    /// use nevent_webhooks::{Delivery, Rejection};
    /// use serde_json::value::RawValue;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct StripeEvent<'a> {
    ///     id: String,
    ///     #[serde(rename = "type")]
    ///     event_type: String,
    ///     #[serde(borrow)]
    ///     data: Data<'a>,
    /// }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Data<'a> {
    ///     #[serde(borrow)]
    ///     object: &'a RawValue,
    /// }
    ///
    /// async fn handle(delivery: Delivery) -> Result<StatusCode, Rejection> {
    ///     let event: StripeEvent<'_> = delivery.json()?;
    ///     println!("{} {} {}", event.id, event.event_type, event.data.object);
    ///     Ok(StatusCode::OK)
    /// }
    /// # axum::routing::post::<_, _, ()>(handle);
    /// ```
    ///
    /// # Errors
    ///
    /// The body is not JSON, or not of this type. The error is one line. It names the field and the
    /// kind of its value, and never shows the value. The delivery still has the bytes.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, EventError> {
        read_json(self.body())
    }
}

/// Reads a body from JSON, and skips a byte order mark before it.
pub(crate) fn read_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, EventError> {
    let json = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    EventError::of_reading_with(PhantomData, json)
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use crate::testing::SignedDelivery;
    use crate::{Delivery, Secret};

    #[derive(Debug, serde::Deserialize)]
    struct Order<'a> {
        id: String,
        #[serde(borrow)]
        lines: Vec<Line<'a>>,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Line<'a> {
        amount: u32,
        #[serde(borrow)]
        extra: Option<&'a RawValue>,
    }

    fn delivery(body: &str) -> Delivery {
        let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").unwrap();
        SignedDelivery::new(&secret, "d-1", body).verified(&secret).unwrap()
    }

    #[test]
    fn a_type_may_borrow_from_the_body() {
        let delivery = delivery("\u{feff}{\"id\":\"o\",\"lines\":[{\"amount\":7,\"extra\":1.50}]}");
        let order: Order<'_> = delivery.json().unwrap();
        let line = order.lines.first().unwrap();
        assert_eq!((order.id.as_str(), line.amount), ("o", 7));
        assert_eq!(line.extra.map(RawValue::get), Some("1.50"));
        let raw: Box<RawValue> = delivery.json().unwrap();
        assert!(raw.get().starts_with(r#"{"id""#), "{raw}");
    }

    #[test]
    fn an_error_names_the_field_and_shows_no_value() {
        let error = |body: &str| delivery(body).json::<Order<'_>>().unwrap_err().to_string();
        let start = "not the JSON of such an event: ";
        assert_eq!(
            error(r#"{"id":"o","lines":[{"amount":"secret"}]}"#),
            format!("{start}`lines[0].amount`: a string of 6 bytes, expected u32"),
        );
        assert_eq!(error(r#"{"id":"o"}"#), format!("{start}missing field `lines`"));
        assert_eq!(error("{} {}"), format!("{start}missing field `id`"));
        let after = error("{\"id\":\"o\",\"lines\":[]}\nsecret");
        assert_eq!(after, format!("{start}trailing characters at line 2 column 1"));
    }
}
