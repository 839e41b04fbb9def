//! The heads and bodies of actix-web, as the checks see them.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::http::uri::Authority;
use bytes::Bytes;
use futures_core::Stream;

use crate::receive::{Frames, Head, Header, Headers, interrupted};
use crate::{Rejection, RequestHead};

static SIGNATURE: HeaderName = HeaderName::from_static(crate::SIGNATURE_HEADER);
static EVENT: HeaderName = HeaderName::from_static(crate::EVENT_HEADER);
static DELIVERY: HeaderName = HeaderName::from_static(crate::DELIVERY_HEADER);

impl Head for ServiceRequest {
    fn lines(&self, header: Header) -> impl Iterator<Item = &[u8]> {
        let headers = self.headers();
        let lines = match header {
            // Nevent's names need no parsing.
            Header::Named(crate::SIGNATURE_HEADER) => headers.get_all(&SIGNATURE),
            Header::Named(crate::DELIVERY_HEADER) => headers.get_all(&DELIVERY),
            Header::Named(crate::EVENT_HEADER) => headers.get_all(&EVENT),
            Header::Named(name) => headers.get_all(name),
            Header::ContentEncoding => headers.get_all(CONTENT_ENCODING),
            Header::ContentLength => headers.get_all(CONTENT_LENGTH),
        };
        lines.map(HeaderValue::as_bytes)
    }

    fn request_head(&self) -> RequestHead<'_> {
        RequestHead {
            method: self.method().as_str(),
            path: self.uri().path(),
            query: self.uri().query(),
            authority: self.uri().authority().map(Authority::as_str),
            headers: self.headers(),
        }
    }
}

impl Headers for HeaderMap {
    fn first_two(&self, name: &str) -> [Option<&[u8]>; 2] {
        let mut lines = self.get_all(name).map(HeaderValue::as_bytes);
        [lines.next(), lines.next()]
    }
}

impl Frames for Payload {
    /// Always 0, because actix-web has no size hint. The checks read `Content-Length`.
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
