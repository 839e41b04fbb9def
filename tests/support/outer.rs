use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};
use http_body_util::Limited;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// A layer above ours that cuts bodies off.
#[derive(Debug, Clone, Copy)]
pub enum Outer {
    /// At so many bytes.
    Limit(usize),
    /// When nothing comes for so long.
    Timeout(Duration),
}

impl Outer {
    /// Cuts the body off like the layers of tower-http.
    pub(super) fn wrap<B>(self, body: B) -> Body
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    {
        match self {
            Self::Limit(bytes) => Body::new(Limited::new(body, bytes)),
            Self::Timeout(pause) => {
                let frames = Body::new(body).into_data_stream();
                Body::from_stream(timed(frames, pause, axum::Error::new))
            }
        }
    }

    /// The same in actix's terms.
    #[cfg(feature = "actix")]
    pub(super) fn wrap_payload(self, body: actix_web::dev::Payload) -> actix_web::dev::Payload {
        use actix_web::dev::Payload;
        use actix_web::error::PayloadError;

        let payload: std::pin::Pin<Box<dyn Stream<Item = _>>> = match self {
            Self::Limit(mut left) => Box::pin(body.map(move |frame| {
                let frame = frame?;
                left = left.checked_sub(frame.len()).ok_or(PayloadError::Overflow)?;
                Ok(frame)
            })),
            Self::Timeout(pause) => {
                Box::pin(timed(body, pause, |late| PayloadError::Io(late.into())))
            }
        };
        Payload::Stream { payload }
    }
}

/// Ends with an error when nothing comes for so long.
fn timed<E>(
    frames: impl Stream<Item = Result<Bytes, E>> + Unpin,
    pause: Duration,
    error: fn(Elapsed) -> E,
) -> impl Stream<Item = Result<Bytes, E>> {
    unfold(frames, move |mut frames| async move {
        let next = timeout(pause, frames.next()).await;
        next.unwrap_or_else(|late| Some(Err(error(late)))).map(|frame| (frame, frames))
    })
}
