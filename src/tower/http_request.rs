//! The heads and bodies of the `http` crate, as the checks see them.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::Authority;
use http_body::Body;
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

use crate::receive::{Frames, Head, Header, Headers, interrupted};
use crate::{Rejection, RequestHead};

static SIGNATURE: HeaderName = HeaderName::from_static(crate::SIGNATURE_HEADER);
static EVENT: HeaderName = HeaderName::from_static(crate::EVENT_HEADER);
static DELIVERY: HeaderName = HeaderName::from_static(crate::DELIVERY_HEADER);

impl Head for Parts {
    fn lines(&self, header: Header) -> impl Iterator<Item = &[u8]> {
        let headers = &self.headers;
        let lines = match header {
            // Nevent's names need no parsing.
            Header::Named(crate::SIGNATURE_HEADER) => headers.get_all(&SIGNATURE),
            Header::Named(crate::DELIVERY_HEADER) => headers.get_all(&DELIVERY),
            Header::Named(crate::EVENT_HEADER) => headers.get_all(&EVENT),
            Header::Named(name) => headers.get_all(name),
            Header::ContentEncoding => headers.get_all(CONTENT_ENCODING),
            Header::ContentLength => headers.get_all(CONTENT_LENGTH),
        };
        lines.iter().map(HeaderValue::as_bytes)
    }

    fn request_head(&self) -> RequestHead<'_> {
        RequestHead {
            method: self.method.as_str(),
            path: self.uri.path(),
            query: self.uri.query(),
            authority: self.uri.authority().map(Authority::as_str),
            headers: &self.headers,
        }
    }
}

impl Headers for HeaderMap {
    fn first_two(&self, name: &str) -> [Option<&[u8]>; 2] {
        let mut lines = self.get_all(name).iter().map(HeaderValue::as_bytes);
        [lines.next(), lines.next()]
    }
}

pin_project! {
    pub(super) struct HttpFrames<B> {
        #[pin]
        body: B,
    }
}

impl<B> HttpFrames<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body }
    }
}

impl<B> Frames for HttpFrames<B>
where
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
{
    fn at_least(&self) -> u64 {
        self.body.size_hint().lower()
    }

    fn is_at_end(&self) -> bool {
        self.body.is_end_stream()
    }

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Rejection>>> {
        Poll::Ready(match ready!(self.project().body.poll_frame(context)) {
            None => None,
            Some(Err(error)) => Some(Err(interrupted(error, is_size_limit))),
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(mut data) => data.copy_to_bytes(data.remaining()),
                Err(_trailers) => Bytes::new(), // Not signed, so not forwarded.
            })),
        })
    }
}

fn is_size_limit(error: &(dyn Error + 'static)) -> bool {
    error.is::<LengthLimitError>()
}
