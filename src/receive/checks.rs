use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::Budget;
use super::event_type::EventTypes;
use super::not_forwarded::NotForwarded;
use super::read::{Limits, Reading};
use super::request::{Frames, Head, Header};
use super::tenant::Verifiers;
use crate::delivery::{Accepted, AnyDelivery, Delivery, Proof, Scope};
use crate::observe::{Observation, Observers, Outcome, Span};
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
        let mut reading = self.start_reading(&sender.terms, head, &*body)?;
        let body = reading.read(body, |bytes| verification.update(bytes)).await?;
        let body_read = self.body_read(received);
        let body_end = self.clock.unix_millis();
        let verified = chosen.finish(&mut verification, body_end.div_euclid(1000))?;
        #[cfg(feature = "queue")]
        let verified = verified.received_at(body_end);
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
            self.tell(Outcome::HandshakeAnswered, Some(sender.name), None::<&Delivery>);
            return Err(NotForwarded::Handshake { challenge });
        }
        Ok(())
    }
}

impl<V> Checks<V> {
    /// The span in which a request is checked and handled.
    pub(crate) fn span(&self, head: &impl Head) -> Span {
        Span::of_request(self.scope.as_ref(), head)
    }

    /// Checks the head of a request whose body is to be read, within the limits for this sender.
    pub(crate) fn start_reading<'a>(
        &'a self,
        terms: &'a Terms,
        head: &impl Head,
        body: &impl Frames,
    ) -> Result<Reading<'a>, Rejection> {
        self.limits.start(terms, head, body, &self.budget)
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
        let scheme = delivery.map(|delivery| delivery.accepted().proof().scheme());
        self.tell(outcome, scheme, delivery);
    }

    fn tell(
        &self,
        outcome: Outcome<'_>,
        scheme: Option<&'static str>,
        delivery: Option<&impl AnyDelivery>,
    ) {
        if self.observers.is_empty() {
            return;
        }
        self.observers.observe(&Observation {
            outcome,
            scope: self.scope.as_ref(),
            scheme,
            delivery_id: delivery.map(|delivery| delivery.accepted().id()),
            event_id: None,
            event_type: delivery.and_then(|delivery| delivery.accepted().event_header()),
            is_split: false,
        });
    }
}
