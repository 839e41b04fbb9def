//! Reading a body within its limits, and through the MAC.

mod collected;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

use self::collected::Collected;
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
    /// Checks the content encoding and the declared length, before the body is read. Returns the
    /// declared length, or 0 if there is none.
    pub(super) fn check_head(&self, head: &impl Head, body: &impl Frames) -> Result<usize, Rejection> {
        if !is_identity(head) {
            return Err(Rejection::UnsupportedContentEncoding);
        }
        let declared = usize::try_from(body.at_least().max(content_length(head)));
        declared.ok().filter(|declared| *declared <= self.size).ok_or(self.too_large())
    }

    /// Reads the body and passes each frame to `update`, for the MAC, as it arrives.
    ///
    /// A body of one frame is not copied. Memory grows with the bytes that have arrived, never with
    /// the declared length. Otherwise an attacker could reserve memory with a header alone.
    ///
    /// The time limits count from the moment when the body first has to wait. A body that arrived with
    /// its head needs neither a timer nor the clock.
    pub(super) async fn read<B: Frames>(
        &self,
        mut body: Pin<&mut B>,
        declared: usize,
        update: impl FnMut(&[u8]),
        share: &mut Share<'_>,
    ) -> Result<Bytes, Rejection> {
        let collected = Collected::Nothing;
        let mut reading = Reading { limits: self, declared, update, share, collected };
        let at_once = poll_fn(|context| Poll::Ready(body.as_mut().poll_frame(context)));
        let has_ended = match at_once.await {
            Poll::Ready(frame) => reading.take(frame)?,
            Poll::Pending => false,
        };
        if !has_ended && !body.is_at_end() {
            reading.wait_for_rest(body).await?;
        }
        Ok(reading.collected.into_bytes())
    }

    fn too_large(&self) -> Rejection {
        Rejection::PayloadTooLarge { limit: self.size }
    }
}

/// A body that is being read.
struct Reading<'a, 'b, U> {
    limits: &'a BodyLimits,
    declared: usize,
    update: U,
    share: &'a mut Share<'b>,
    collected: Collected,
}

impl<U: FnMut(&[u8])> Reading<'_, '_, U> {
    /// Takes what the body returned, and says whether that was its end.
    fn take(&mut self, frame: Option<Result<Bytes, Rejection>>) -> Result<bool, Rejection> {
        let Some(bytes) = frame.transpose()? else { return Ok(true) };
        if bytes.len() > self.limits.size.saturating_sub(self.collected.len()) {
            return Err(self.limits.too_large());
        }
        (self.update)(&bytes);
        if !bytes.is_empty() {
            self.collected.add(bytes, self.declared, self.limits.size, self.share)?;
        }
        Ok(false)
    }

    /// Reads the rest of the body within the time limits.
    async fn wait_for_rest<B: Frames>(&mut self, mut body: Pin<&mut B>) -> Result<(), Rejection> {
        let BodyLimits { stall, total, .. } = *self.limits;
        let now = Instant::now();
        let (end, mut stalled) = (deadline(now, total), deadline(now, stall));
        let mut alarm = pin!(sleep_until(stalled.min(end)));
        loop {
            let frame = next_frame(body.as_mut(), alarm.as_mut(), stalled.min(end)).await;
            let limit = if stalled < end { stall } else { total };
            let frame = frame.ok_or(Rejection::BodyTimeout { limit })?;
            let length = self.collected.len();
            if self.take(frame)? || body.is_at_end() {
                return Ok(());
            }
            if self.collected.len() > length {
                stalled = deadline(Instant::now(), stall);
            }
        }
    }
}

/// What the body returned, or `None` if it is late.
async fn next_frame<B: Frames>(
    mut body: Pin<&mut B>,
    mut alarm: Pin<&mut Sleep>,
    due: Instant,
) -> Option<Option<Result<Bytes, Rejection>>> {
    // Yield here. Otherwise a body that keeps returning empty frames would starve the alarm.
    tokio::task::consume_budget().await;
    let is_late = || Instant::now() >= due;
    if is_late() {
        return None;
    }
    let next = poll_fn(|context| {
        if let Poll::Ready(frame) = body.as_mut().poll_frame(context) {
            return Poll::Ready(Some(frame));
        }
        // Asked here as well, because the alarm is silent while the task's budget is used up.
        if is_late() {
            return Poll::Ready(None);
        }
        // It may have been set for an earlier frame: to set it for each would lock the timers.
        if alarm.as_mut().poll(context).is_ready() {
            alarm.as_mut().reset(due);
            ready!(alarm.as_mut().poll(context));
            return Poll::Ready(None);
        }
        Poll::Pending
    });
    next.await
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
