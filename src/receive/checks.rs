use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::Budget;
use super::event_type::EventTypes;
use super::not_forwarded::NotForwarded;
use super::read::Limits;
use super::request::{Frames, Head, Header};
use super::tenant::Verifiers;
use crate::delivery::{Delivery, Scope};
use crate::observe::{Observation, Observers, Outcome};
use crate::rejection::Respond;
#[cfg(feature = "schemes")]
use crate::scheme::Sender;
use crate::{Clock, Rejection};

/// The checks of a layer, with their settings and counters.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(super) verifiers: Verifiers,
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
        body: impl Frames,
        received: Instant,
    ) -> Result<Delivery, NotForwarded> {
        let chosen = self.verifiers.choose(head);
        let sender = chosen.verifier().sender();
        let lines_of = |name| head.lines(Header::Named(name));
        let mut verification = chosen.begin(lines_of)?;
        let limits = self.limits.of(&sender.terms);
        limits.check_head(head, &body)?;
        // Lives until this function returns or is dropped. Otherwise the budget would not count this
        // body while its request is still unverified.
        let mut share = self.budget.share(limits.size);
        let body = limits.read(body, &mut verification, &mut share).await?;
        let body_read = if self.observers.is_empty() { Duration::ZERO } else { received.elapsed() };
        let verified = chosen.confirm(verification.finish(self.clock.unix_seconds()))?;
        #[cfg(feature = "schemes")]
        self.answer_handshake(sender, &body)?;
        let delivery = Delivery::new(sender, lines_of, verified, body, received);
        let delivery = delivery.map_err(Rejection::from)?;
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
            self.observe(Outcome::HandshakeAnswered, None);
            return Err(NotForwarded::Handshake { challenge });
        }
        Ok(())
    }

    pub(crate) fn observe(&self, outcome: Outcome<'_>, delivery: Option<&Delivery>) {
        if self.observers.is_empty() {
            return;
        }
        self.observers.observe(&Observation {
            outcome,
            scope: self.scope.as_ref(),
            delivery_id: delivery.map(Delivery::id),
            event_id: None,
            event_type: delivery.and_then(Delivery::event_header),
        });
    }
}
