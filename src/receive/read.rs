//! Reading a body within its limits, and through the MAC.

use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::budget::Share;
use super::request::{Frames, Head, Header};
use crate::Rejection;
use crate::deadline::deadline;
use crate::scheme::Terms;

/// The limits of bodies that the options set. The sender's terms decide the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) size: Option<usize>,
    pub(super) stall: Option<Duration>,
    pub(super) total: Option<Duration>,
}

impl Limits {
    pub(super) fn of(self, terms: &Terms) -> BodyLimits {
        const STALL: Duration = Duration::from_secs(5);
        BodyLimits {
            size: self.size.unwrap_or_else(|| terms.most_bytes()),
            stall: self.stall.unwrap_or(STALL.min(terms.body_timeout())),
            total: self.total.unwrap_or_else(|| terms.body_timeout()),
        }
    }
}

/// The limits of one body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// The most bytes.
    pub(super) size: usize,
    /// The longest time without a byte.
    pub(super) stall: Duration,
    /// The longest time in all.
    pub(super) total: Duration,
}

impl BodyLimits {
    /// Checks the content encoding and the declared length, before the body is read.
    pub(super) fn check_head(self, head: &impl Head, body: &impl Frames) -> Result<(), Rejection> {
        if !is_identity(head) {
            return Err(Rejection::UnsupportedContentEncoding);
        }
        let size = u64::try_from(self.size).unwrap_or(u64::MAX);
        if body.at_least().max(content_length(head)) > size {
            return Err(self.too_large());
        }
        Ok(())
    }

    /// Reads the body and passes each frame to `update`, for the MAC, as it arrives.
    ///
    /// A body of one frame is not copied. Memory grows with the bytes that have arrived, never with
    /// the declared length. Otherwise an attacker could reserve memory with a header alone.
    pub(super) async fn read<B: Frames>(
        self,
        body: B,
        mut update: impl FnMut(&[u8]),
        share: &mut Share<'_>,
    ) -> Result<Bytes, Rejection> {
        let mut body = pin!(body);
        let mut collected = Collected::Nothing;
        let now = Instant::now();
        let (end, mut stalled) = (deadline(now, self.total), deadline(now, self.stall));
        while let Some(bytes) = next_frame(body.as_mut(), self, stalled, end).await? {
            if bytes.len() > self.size.saturating_sub(collected.len()) {
                return Err(self.too_large());
            }
            update(&bytes);
            if !bytes.is_empty() {
                collected = collected.with(bytes, self.size, share)?;
                stalled = deadline(Instant::now(), self.stall);
            }
        }
        Ok(collected.into_bytes())
    }

    fn too_large(self) -> Rejection {
        Rejection::PayloadTooLarge { limit: self.size }
    }
}

async fn next_frame<B: Frames>(
    mut body: Pin<&mut B>,
    limits: BodyLimits,
    stalled: Instant,
    end: Instant,
) -> Result<Option<Bytes>, Rejection> {
    let next = std::future::poll_fn(|context| body.as_mut().poll_frame(context));
    // Yield here. Otherwise a body that keeps returning empty frames would starve the timer.
    tokio::task::consume_budget().await;
    let late = Instant::now() >= stalled.min(end);
    match timeout_at(stalled.min(end), next).await {
        Ok(frame) if !late => frame.transpose(),
        _ => Err(Rejection::BodyTimeout {
            limit: if stalled < end { limits.stall } else { limits.total },
        }),
    }
}

/// The bytes that have arrived. They are copied from the second frame on.
enum Collected {
    Nothing,
    OneFrame(Bytes),
    Frames(Vec<u8>),
}

impl Collected {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::OneFrame(bytes) => bytes.len(),
            Self::Frames(bytes) => bytes.len(),
        }
    }

    /// Adds a frame, if the budget has room for the buffer that it needs.
    fn with(self, next: Bytes, limit: usize, share: &mut Share<'_>) -> Result<Self, Rejection> {
        let length = self.len().saturating_add(next.len());
        let (mut all, first) = match self {
            Self::Nothing => {
                share.grow_to(length)?;
                return Ok(Self::OneFrame(next));
            }
            Self::OneFrame(first) => (Vec::new(), first),
            Self::Frames(all) => (all, Bytes::new()),
        };
        if length > all.capacity() {
            // Doubled, because otherwise each small frame would copy the whole body.
            let capacity = length.saturating_mul(2).min(limit);
            share.grow_to(capacity)?;
            all.reserve_exact(capacity.saturating_sub(all.len()));
        }
        all.extend_from_slice(&first);
        all.extend_from_slice(&next);
        Ok(Self::Frames(all))
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::OneFrame(bytes) => bytes,
            Self::Frames(bytes) => bytes.into(),
        }
    }
}

/// Content codings that do not change the bytes. Some senders name the charset here.
const HARMLESS: [&str; 4] = ["", "identity", "utf-8", "utf8"];

/// Whether the body's bytes can be the signed ones: no content coding has changed them.
fn is_identity(head: &impl Head) -> bool {
    let lines = head.lines(Header::ContentEncoding);
    let mut codings = lines.flat_map(|line| line.split(|byte| *byte == b','));
    codings.all(|coding| {
        let is = |harmless: &str| coding.trim_ascii().eq_ignore_ascii_case(harmless.as_bytes());
        HARMLESS.into_iter().any(is)
    })
}

/// The declared length, or 0 if there is none that can be read. The server has already rejected
/// requests with contradictory lengths.
fn content_length(head: &impl Head) -> u64 {
    let line = head.lines(Header::ContentLength).next();
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    line.and_then(|line| line.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
