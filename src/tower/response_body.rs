use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::Rejection;
use crate::rejection::Respond;

pin_project! {
    /// The body of a response, from the handler or from a layer's rejection.
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

    pub(super) fn layer(text: Bytes) -> Self {
        let kind = Kind::Layer { text: Some(text) };
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
        Self::layer(Bytes::from_static(text.as_bytes()))
    }
}

impl Rejection {
    /// The default response of the layers, with this rejection in its extensions. For handlers that
    /// reject a request for the same reasons.
    ///
    /// ```
    /// use http_body_util::Full;
    /// use hyper::body::Bytes;
    /// use nevent_webhooks::{DeliveryIdError, Rejection};
    ///
    /// let response = Rejection::from(DeliveryIdError::Missing).to_response::<Full<Bytes>>();
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

/// The response to a rejection, with the body from the layer's function if there is one.
pub(super) fn respond<B>(rejection: &Rejection, respond: &Respond) -> Response<ResponseBody<B>> {
    let mut response = rejection.to_response();
    let Some(custom) = respond.to(rejection) else { return response };
    let headers = response.headers_mut();
    for (name, value) in custom.allowed_headers(rejection) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    if let Ok(content_type) = HeaderValue::try_from(custom.content_type()) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    response.map(|_: ResponseBody<B>| ResponseBody::layer(custom.into_body()))
}
