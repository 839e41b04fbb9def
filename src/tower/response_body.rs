use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::Rejection;

pin_project! {
    /// The body of a response: the handler's own, or a layer's answer.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B> {
        Handler { #[pin] body: B },
        Layer { text: Option<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn handler(body: B) -> Self {
        let kind = Kind::Handler { body };
        Self { kind }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::handler(B::default())
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Handler { body } => body.poll_frame(context),
            KindProjection::Layer { text } => {
                Poll::Ready(text.take().map(|text| Ok(Frame::data(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Handler { body } => body.is_end_stream(),
            Kind::Layer { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Handler { body } => body.size_hint(),
            Kind::Layer { text } => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}

impl<B> From<&'static str> for ResponseBody<B> {
    fn from(text: &'static str) -> Self {
        let text = Some(Bytes::from_static(text.as_bytes()));
        let kind = Kind::Layer { text };
        Self { kind }
    }
}

impl Rejection {
    /// The answer as the layers give it, with this rejection in its extensions:
    /// for handlers of yours that refuse on the same grounds.
    ///
    /// ```
    /// use http_body_util::Full;
    /// use hyper::body::Bytes;
    /// use nevent_webhooks::Rejection;
    ///
    /// let response = Rejection::MissingDeliveryId.to_response::<Full<Bytes>>();
    /// assert_eq!(response.status(), 400);
    /// ```
    #[must_use]
    pub fn to_response<B: From<&'static str>>(&self) -> Response<B> {
        let mut response = Response::new(B::from(self.body_text()));
        if let Ok(status) = StatusCode::from_u16(self.status()) {
            *response.status_mut() = status;
        }
        let plain_text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain_text);
        for (name, value) in self.headers() {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response.extensions_mut().insert(self.clone());
        response
    }
}
