use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::budget::{Budget, Share};
use super::event_type::EventTypes;
use super::not_forwarded::NotForwarded;
use super::read::Limits;
use super::request::{Frames, Head, Header};
use super::tenant::Verifiers;
use crate::delivery::{Accepted, AnyDelivery, Delivery, Scope};
use crate::observe::{Observation, Observers, Outcome};
use crate::rejection::Respond;
#[cfg(feature = "schemes")]
use crate::scheme::Sender;
use crate::scheme::Terms;
use crate::{Clock, Rejection};

/// The checks of a layer, with their settings and counters. `V` says what a request has to prove.
#[derive(Debug)]
pub(crate) struct Checks<V = Verifiers> {
    pub(crate) verifiers: V,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) event_types: EventTypes,
    pub(super) scope: Option<Scope>,
    pub(super) observers: Observers,
    pub(crate) respond: Respond,
}

impl Checks {
    /// Verifies a request. The checks run in this order: signature header, head, body, MAC,
    /// timestamp, handshake, delivery id and, in strict mode, event type.
    pub(crate) async fn verify(
        &self,
        head: &impl Head,
        body: Pin<&mut impl Frames>,
        received: Instant,
    ) -> Result<Delivery, NotForwarded> {
        let chosen = self.verifiers.choose(head);
        let sender = chosen.verifier().sender();
        let lines_of = |name| head.lines(Header::Named(name));
        let mut verification = chosen.begin(lines_of)?;
        let update = |bytes: &[u8]| verification.update(bytes);
        let (body, _share) = self.read(&sender.terms, head, body, update).await?;
        let body_read = self.body_read(received);
        let verified = chosen.confirm(verification.finish(self.clock.unix_seconds()))?;
        #[cfg(feature = "schemes")]
        self.answer_handshake(sender, &body)?;
        let delivery = Accepted::new(&sender.places(), lines_of, verified, body, received);
        let delivery = Delivery::of(delivery.map_err(Rejection::from)?);
        #[cfg(feature = "events")]
        self.check_event_type(&delivery)?;
        let (age, secret) = (delivery.verified().age(), delivery.verified().secret_name());
        let body_bytes = delivery.body().len();
        self.observe(Outcome::Verified { age, secret, body_bytes, body_read }, Some(&delivery));
        Ok(delivery)
    }

    /// Ends the way of a handshake here, so that no handler and no store sees it. Its signature and its
    /// time were checked, as otherwise anyone could have a text sent back.
    #[cfg(feature = "schemes")]
    fn answer_handshake(&self, sender: &Sender, body: &[u8]) -> Result<(), NotForwarded> {
        if sender.answers_url_verification
            && let Some(challenge) = crate::handshake::challenge(body)?
        {
            self.observe(Outcome::HandshakeAnswered, None::<&Delivery>);
            return Err(NotForwarded::Handshake { challenge });
        }
        Ok(())
    }
}

impl<V> Checks<V> {
    /// Checks the head and reads the body, each within the limits that hold for this sender.
    ///
    /// Keep the share until the body is verified. Otherwise the budget would not count the body while
    /// its request is still unverified.
    pub(crate) async fn read(
        &self,
        terms: &Terms,
        head: &impl Head,
        body: Pin<&mut impl Frames>,
        update: impl FnMut(&[u8]),
    ) -> Result<(Bytes, Share<'_>), Rejection> {
        let limits = self.limits.of(terms);
        let declared = limits.check_head(head, &*body)?;
        let mut share = self.budget.share(limits.size);
        let body = limits.read(body, declared, update, &mut share).await?;
        Ok((body, share))
    }

    /// The time since the head arrived, for observers.
    pub(crate) fn body_read(&self, received: Instant) -> Duration {
        if self.observers.is_empty() { Duration::ZERO } else { received.elapsed() }
    }

    pub(crate) fn unverified_bytes(&self) -> usize {
        self.budget.held()
    }

    pub(crate) fn budget_rejections(&self) -> u64 {
        self.budget.rejections()
    }

    /// Tells observers of a rejection before there is a delivery.
    pub(crate) fn rejected(&self, rejection: &Rejection) {
        self.observe(Outcome::Rejected { rejection }, None::<&Delivery>);
    }

    pub(crate) fn observe(&self, outcome: Outcome<'_>, delivery: Option<&impl AnyDelivery>) {
        if self.observers.is_empty() {
            return;
        }
        self.observers.observe(&Observation {
            outcome,
            scope: self.scope.as_ref(),
            delivery_id: delivery.map(|delivery| delivery.accepted().id()),
            event_id: None,
            event_type: delivery.and_then(|delivery| delivery.accepted().event_header()),
        });
    }
}
