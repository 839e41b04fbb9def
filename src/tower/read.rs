//! Reads a body within its limits and through the MAC.

use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body::{Body, Frame};
use tokio::time::{Instant, timeout_at};

use crate::deadline::deadline;
use crate::{Rejection, Verification};

/// How much body may come, and how slowly.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// Bytes.
    pub(super) size: usize,
    /// Without a byte.
    pub(super) stall: Duration,
    /// In all.
    pub(super) total: Duration,
}

impl BodyLimits {
    /// Judges what the head says of the body, before any of it is read.
    pub(super) fn judge_head(self, headers: &HeaderMap, body: &impl Body) -> Result<(), Rejection> {
        if !is_identity(headers) {
            return Err(Rejection::UnsupportedContentEncoding);
        }
        let size = u64::try_from(self.size).unwrap_or(u64::MAX);
        if body.size_hint().lower().max(content_length(headers)) > size {
            return Err(self.too_large());
        }
        Ok(())
    }

    /// Reads the body, each frame into the MAC as it comes. A body of one frame
    /// is handed on as it is; memory grows with what has come, never with what
    /// was announced.
    pub(super) async fn read<B: Body>(
        self,
        body: B,
        verification: &mut Verification<'_>,
    ) -> Result<Bytes, Rejection> {
        let mut body = pin!(body);
        let mut collected = Collected::Nothing;
        let end = deadline(Instant::now(), self.total);
        let mut stalled = deadline(Instant::now(), self.stall);
        while let Some(frame) = next_frame(body.as_mut(), self, stalled, end).await? {
            let Ok(mut data) = frame.into_data() else {
                continue; // Trailers: not signed, not handed on.
            };
            let length = data.remaining();
            if length > self.size.saturating_sub(collected.len()) {
                return Err(self.too_large());
            }
            let bytes = data.copy_to_bytes(length);
            verification.update(&bytes);
            if !bytes.is_empty() {
                collected = collected.with(bytes);
                stalled = deadline(Instant::now(), self.stall);
            }
        }
        Ok(collected.into_bytes())
    }

    fn too_large(self) -> Rejection {
        Rejection::PayloadTooLarge { limit: self.size }
    }
}

async fn next_frame<B: Body>(
    mut body: Pin<&mut B>,
    limits: BodyLimits,
    stalled: Instant,
    end: Instant,
) -> Result<Option<Frame<B::Data>>, Rejection> {
    let next = std::future::poll_fn(|context| body.as_mut().poll_frame(context));
    // A body that is always ready, with nothing, would never let the timer speak.
    tokio::task::consume_budget().await;
    let late = Instant::now() >= stalled.min(end);
    match timeout_at(stalled.min(end), next).await {
        Ok(frame) if !late => frame.transpose().map_err(|_| Rejection::UnreadableBody),
        _ => Err(Rejection::BodyTimeout {
            limit: if stalled < end { limits.stall } else { limits.total },
        }),
    }
}

/// What has come so far; bytes are copied from the second frame on.
enum Collected {
    Nothing,
    OneFrame(Bytes),
    Frames(BytesMut),
}

impl Collected {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::OneFrame(bytes) => bytes.len(),
            Self::Frames(bytes) => bytes.len(),
        }
    }

    fn with(self, next: Bytes) -> Self {
        let mut all = match self {
            Self::Nothing => return Self::OneFrame(next),
            Self::OneFrame(first) => BytesMut::from(first),
            Self::Frames(all) => all,
        };
        all.extend_from_slice(&next);
        Self::Frames(all)
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::OneFrame(bytes) => bytes,
            Self::Frames(bytes) => bytes.freeze(),
        }
    }
}

fn is_identity(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(CONTENT_ENCODING).iter();
    codings.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).all(|coding| {
        matches!(coding.trim_ascii(), b"") || coding.trim_ascii().eq_ignore_ascii_case(b"identity")
    })
}

/// The declared length, if readable; a server has refused contradictory ones.
fn content_length(headers: &HeaderMap) -> u64 {
    let line = headers.get(CONTENT_LENGTH).and_then(|line| line.to_str().ok());
    line.and_then(|line| line.parse().ok()).unwrap_or(0)
}
