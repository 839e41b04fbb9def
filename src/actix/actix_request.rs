//! actix's requests, as the layers see them.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
};
use bytes::Bytes;
use futures_core::Stream;

use crate::Rejection;
use crate::receive::{Frames, Head, Header, interrupted};

const SIGNATURE: HeaderName = HeaderName::from_static(crate::SIGNATURE_HEADER);
const EVENT: HeaderName = HeaderName::from_static(crate::EVENT_HEADER);
const DELIVERY: HeaderName = HeaderName::from_static(crate::DELIVERY_HEADER);

impl Head for HeaderMap {
    fn lines(&self, header: Header) -> impl Iterator<Item = &[u8]> {
        let name = match header {
            Header::Signature => SIGNATURE,
            Header::Delivery => DELIVERY,
            Header::Event => EVENT,
            Header::ContentEncoding => CONTENT_ENCODING,
            Header::ContentLength => CONTENT_LENGTH,
        };
        self.get_all(name).map(HeaderValue::as_bytes)
    }
}

impl Frames for Payload {
    /// actix does not say; the head's `Content-Length` does.
    fn at_least(&self) -> u64 {
        0
    }

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Rejection>>> {
        let frame = ready!(self.poll_next(context));
        Poll::Ready(frame.map(|frame| frame.map_err(|error| interrupted(error, is_size_limit))))
    }
}

fn is_size_limit(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(PayloadError::Overflow))
}
