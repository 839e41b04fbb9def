//! Reading a body within its limits, and through the MAC.

mod collected;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::consume_budget;
use tokio::time::{Instant, Sleep, sleep_until};

use self::collected::Collected;
use super::budget::{Budget, Share};
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
    /// Checks the content encoding and the declared length, and prepares to read the body.
    pub(super) fn start<'a>(
        &'a self,
        terms: &'a Terms,
        head: &impl Head,
        body: &impl Frames,
        budget: &'a Budget,
    ) -> Result<Reading<'a>, Rejection> {
        if !is_identity(head) {
            return Err(Rejection::UnsupportedContentEncoding);
        }
        let size = self.size.unwrap_or_else(|| terms.most_bytes());
        let declared = usize::try_from(body.at_least().max(content_length(head)));
        let declared = declared.ok().filter(|declared| *declared <= size);
        Ok(Reading {
            limits: self,
            terms,
            size,
            declared: declared.ok_or(Rejection::PayloadTooLarge { limit: size })?,
            share: budget.share(size),
            collected: Collected::Nothing,
            times: None,
            is_waiting: false,
            alarm: None,
        })
    }

    /// The longest time without a byte.
    fn stall(&self, terms: &Terms) -> Duration {
        const STALL: Duration = Duration::from_secs(5);
        self.stall.unwrap_or_else(|| STALL.min(terms.body_timeout()))
    }

    /// The longest time in all.
    fn total(&self, terms: &Terms) -> Duration {
        self.total.unwrap_or_else(|| terms.body_timeout())
    }
}

/// A body that is being read.
///
/// Keep this until the body is verified. Otherwise the budget would not count the body while its
/// request is still unverified.
pub(crate) struct Reading<'a> {
    limits: &'a Limits,
    terms: &'a Terms,
    size: usize,
    declared: usize,
    share: Share<'a>,
    collected: Collected,
    times: Option<Times>,
    /// Whether the body was asked for its next frame and has none yet.
    is_waiting: bool,
    /// In a box, because most bodies need none and the future would have room for it.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// When the body is late.
#[derive(Clone, Copy)]
struct Times {
    stalled: Instant,
    end: Instant,
}

impl Reading<'_> {
    /// Reads the body and passes each frame to `update`, for the MAC, as it arrives.
    ///
    /// A body of one frame is not copied. Memory grows with the bytes that have arrived, never with
    /// the declared length. Otherwise an attacker could reserve memory with a header alone.
    ///
    /// The time limits count from the first poll that finds no frame, or from the first frame if there was
    /// no such poll and the body goes on. So they may begin a little later than the reading, by the time
    /// that one poll takes. A body that arrived with its head needs neither a timer nor the clock.
    pub(crate) async fn read<B: Frames>(
        &mut self,
        mut body: Pin<&mut B>,
        mut update: impl FnMut(&[u8]),
    ) -> Result<Bytes, Rejection> {
        poll_fn(|context| self.poll_all(body.as_mut(), &mut update, context)).await?;
        Ok(self.collected.take())
    }

    fn poll_all<B: Frames>(
        &mut self,
        mut body: Pin<&mut B>,
        update: &mut impl FnMut(&[u8]),
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Rejection>> {
        loop {
            if let Some(times) = self.times.filter(|_| !self.is_waiting) {
                // Yield here. Otherwise a body that keeps returning empty frames would starve the alarm.
                ready!(pin!(consume_budget()).poll(context));
                self.check(times)?;
            }
            let Poll::Ready(frame) = body.as_mut().poll_frame(context) else {
                return self.poll_alarm(context).map(Err);
            };
            self.is_waiting = false;
            let Some(bytes) = frame.transpose()? else { return Poll::Ready(Ok(())) };
            let is_progress = !bytes.is_empty();
            if is_progress {
                self.take(bytes, update)?;
            }
            if body.is_at_end() && self.collected.len() >= self.declared {
                return Poll::Ready(Ok(()));
            }
            self.expect_more(is_progress);
        }
    }

    fn take(&mut self, bytes: Bytes, update: &mut impl FnMut(&[u8])) -> Result<(), Rejection> {
        if bytes.len() > self.size.saturating_sub(self.collected.len()) {
            return Err(Rejection::PayloadTooLarge { limit: self.size });
        }
        update(&bytes);
        self.collected.add(bytes, self.declared, self.size, &mut self.share)
    }

    /// Starts the time limits. After progress, the body may stall anew.
    fn expect_more(&mut self, is_progress: bool) -> Times {
        match self.times {
            Some(times) if !is_progress => times,
            times => {
                let now = Instant::now();
                let end = || deadline(now, self.limits.total(self.terms));
                let end = times.map_or_else(end, |times| times.end);
                let stalled = deadline(now, self.limits.stall(self.terms));
                *self.times.insert(Times { stalled, end })
            }
        }
    }

    /// Rejects the body if it is late.
    fn check(&self, times: Times) -> Result<(), Rejection> {
        if Instant::now() < times.stalled.min(times.end) { Ok(()) } else { Err(self.late(times)) }
    }

    fn late(&self, Times { stalled, end }: Times) -> Rejection {
        let Self { limits, terms, .. } = self;
        let limit = if stalled < end { limits.stall(terms) } else { limits.total(terms) };
        Rejection::BodyTimeout { limit }
    }

    /// Ready with a rejection once the body that is waited for is late.
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<Rejection> {
        self.is_waiting = true;
        let times = self.expect_more(false);
        // Asked here as well, because the alarm is silent while the task's budget is used up.
        if let Err(rejection) = self.check(times) {
            return Poll::Ready(rejection);
        }
        let due = times.stalled.min(times.end);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        ready!(alarm.as_mut().poll(context));
        // It was set for an earlier frame. To set it for each frame would lock all timers each time.
        alarm.as_mut().reset(due);
        alarm.as_mut().poll(context).map(|()| self.late(times))
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
