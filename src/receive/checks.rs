use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::Budget;
use super::event_type::EventTypes;
use super::read::BodyLimits;
use super::request::{Frames, Head, Header};
use super::tenant::Verifiers;
use crate::delivery::{Delivery, Scope, event_header};
use crate::observe::{Observation, Observers, Outcome};
use crate::rejection::Respond;
use crate::{Clock, DeliveryId, Rejection};

/// The checks of a layer, with their settings and counters.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(super) verifiers: Verifiers,
    pub(super) limits: BodyLimits,
    pub(super) budget: Budget,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) event_types: EventTypes,
    pub(super) scope: Option<Scope>,
    pub(super) observers: Observers,
    pub(crate) respond: Respond,
}

impl Checks {
    /// Verifies a request. The checks run in this order: signature header, head, body, MAC,
    /// timestamp, delivery id and, in strict mode, event type.
    pub(crate) async fn verify(
        &self,
        head: &impl Head,
        body: impl Frames,
        received: Instant,
    ) -> Result<Delivery, Rejection> {
        let chosen = self.verifiers.choose(head);
        let mut verification = chosen.verifier().begin(head.lines(Header::Signature))?;
        self.limits.check_head(head, &body)?;
        // Lives until this function returns or is dropped. Otherwise the budget would not count this
        // body while its request is still unverified.
        let mut share = self.budget.share(self.limits.size);
        let body = self.limits.read(body, &mut verification, &mut share).await?;
        let body_read = if self.observers.is_empty() { Duration::ZERO } else { received.elapsed() };
        let verified = chosen.confirm(verification.finish(self.clock.unix_seconds()))?;
        let id = DeliveryId::from_lines(head.lines(Header::Delivery))?;

        let event = event_header(head.lines(Header::Event));
        let delivery = Delivery::new(id, event, verified, body, received);
        #[cfg(feature = "events")]
        self.check_event_type(&delivery)?;
        let (age, secret) = (delivery.verified().age(), delivery.verified().secret_name());
        let body_bytes = delivery.body().len();
        self.observe(Outcome::Verified { age, secret, body_bytes, body_read }, Some(&delivery));
        Ok(delivery)
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
