//! An entry that a worker has taken, and the ways that it can go.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use async_nats::{HeaderMap, Request, Subject};
use bytes::Bytes;
use tokio::time::sleep;

use super::link::Link;
use super::message::{ATTEMPTS, VANISHED, again, count, dead, envelope_of, name, waits};
use super::{NatsError, NatsOptions};
use crate::content::Content;
use crate::pause::SharedPause;

/// By how much the clocks of two workers may differ. An entry that had to wait once more for the slower one
/// would count as a worker that has vanished.
const CLOCKS: Duration = Duration::from_secs(1);

/// How often an entry is acknowledged that has been moved.
const TRIES: u32 = 3;

/// A message that is not acknowledged yet.
pub(super) struct Taken {
    link: Arc<Link>,
    /// Where acknowledgements go.
    reply: Subject,
    headers: HeaderMap,
    body: Bytes,
    /// Its number in the stream.
    pub(super) sequence: u64,
    /// When it was published, in Unix nanoseconds.
    published: i128,
    /// How often the server has delivered it, this time included.
    deliveries: u32,
}

impl Taken {
    pub(super) fn new(message: Message, link: Arc<Link>) -> Result<Self, NatsError> {
        let info = message.info().map_err(|error| NatsError::server(&*error))?;
        let (sequence, published) = (info.stream_sequence, info.published.unix_timestamp_nanos());
        let deliveries = u32::try_from(info.delivered).unwrap_or(u32::MAX);
        let async_nats::Message { reply, headers, payload: body, .. } = message.into();
        // A message without a reply subject has no `info`.
        let reply = reply.unwrap_or_else(|| Subject::from_static(""));
        let headers = headers.unwrap_or_default();
        Ok(Self { link, reply, headers, body, sequence, published, deliveries })
    }

    pub(super) fn content(&self, options: &NatsOptions) -> Content {
        let content = Content::of(envelope_of(&self.headers, &self.body));
        if self.vanished() > options.delivery_limit { content.killer() } else { content }
    }

    pub(super) fn attempts(&self) -> u32 {
        count(&self.headers, ATTEMPTS)
    }

    /// How long the entry still has to wait. The server delivers it at once when it is published, and after a
    /// crash that made it forget the delay.
    pub(super) fn waits(&self) -> Option<Duration> {
        let tolerance = if self.deliveries == 1 { Duration::ZERO } else { CLOCKS };
        waits(&self.headers).filter(|rest| *rest > tolerance)
    }

    /// How often the entry's workers have vanished: the deliveries that led to nothing, without the first one
    /// of an entry that had to wait.
    pub(super) fn vanished(&self) -> u32 {
        let expected = if waits(&self.headers).is_some() { 2 } else { 1 };
        let now = self.deliveries.saturating_sub(expected);
        count(&self.headers, VANISHED).saturating_add(now)
    }

    /// Tells the server again and again that the entry is being handled. Otherwise it would deliver the entry
    /// to another worker.
    pub(super) async fn keep(&self, ack_wait: Duration) -> Infallible {
        loop {
            sleep(ack_wait / 3).await;
            // The client would keep it until it is connected.
            if self.link.check().is_ok() {
                let body = AckKind::Progress.into();
                let _ = self.link.client.publish(self.reply.clone(), body).await;
            }
        }
    }

    /// The server deletes the entry.
    pub(super) async fn acknowledge(&self) -> Result<(), NatsError> {
        self.answer(AckKind::Ack).await
    }

    /// The server delivers the entry again after this time.
    pub(super) async fn give_back(&self, delay: Duration) -> Result<(), NatsError> {
        self.answer(AckKind::Nak(Some(delay))).await
    }

    /// Gives the entry back to which nothing has happened. As a new message, because the delivery would count
    /// as a worker that has vanished.
    pub(super) async fn leave(&self, options: &NatsOptions) {
        let rest = waits(&self.headers).unwrap_or_default();
        match self.publish_again(options, self.attempts(), rest).await {
            Ok(()) => drop(self.acknowledge().await),
            Err(error) => self.give_back_after(&error, rest).await,
        }
    }

    /// Gives the entry back after this failure to publish its copy.
    ///
    /// Without an answer, the stream may have the copy. Then the entry is left to the server, which delivers it
    /// again after the `ack_wait`, and recognises the copy. After a long delay it would have forgotten the copy's
    /// name, and both would be tried until their last attempts.
    pub(super) async fn give_back_after(&self, failure: &NatsError, delay: Duration) {
        if failure.is_certain() {
            let _ = self.give_back(delay).await;
        }
    }

    /// Removes this message when the stream has its copy. It is not given back if that fails, for the same
    /// reason.
    pub(super) async fn acknowledge_moved(&self) -> Result<(), NatsError> {
        let pauses = SharedPause::default();
        for _ in 1..TRIES {
            if self.acknowledge().await.is_ok() {
                return Ok(());
            }
            sleep(pauses.next()).await;
        }
        self.acknowledge().await
    }

    /// Publishes the entry for another attempt. This message is removed after that: a crash in between leaves
    /// two copies, and not none.
    pub(super) async fn publish_again(
        &self,
        options: &NatsOptions,
        attempts: u32,
        delay: Duration,
    ) -> Result<(), NatsError> {
        let mut headers = again(&self.headers, attempts, self.vanished(), delay);
        name(&mut headers, "again", self.sequence, self.published);
        self.link.publish(&options.name, headers, self.body.clone()).await
    }

    /// The same into the stream of the dead letters.
    pub(super) async fn publish_dead(
        &self,
        options: &NatsOptions,
        reason: &str,
        attempts: u32,
    ) -> Result<(), NatsError> {
        let mut headers = dead(&self.headers, reason, attempts, self.sequence);
        name(&mut headers, "dead", self.sequence, self.published);
        self.link.publish(&options.dead(), headers, self.body.clone()).await
    }

    /// Waits for the server's confirmation. The client's own method takes "nobody has heard it" for one.
    async fn answer(&self, kind: AckKind) -> Result<(), NatsError> {
        self.link.check()?;
        let request = Request::new().payload(kind.into());
        let answered = self.link.client.send_request(self.reply.clone(), request).await;
        answered.map(drop).map_err(|error| NatsError::server(&error))
    }
}
