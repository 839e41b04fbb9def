use std::pin::Pin;

use bytes::Bytes;
use tokio::time::Instant;

use crate::credential::{TokenDelivery, TokenError, TokenMatch, Tokens};
use crate::delivery::{Accepted, AnyDelivery};
use crate::observe::Outcome;
use crate::receive::{Checks, Frames, Head, Header};
use crate::{DeliveryIdError, Rejection};

impl Checks<Tokens> {
    /// Accepts a request for its token. The checks run in this order: token, head, body, delivery id.
    pub(crate) async fn accept(
        &self,
        head: &impl Head,
        body: Pin<&mut impl Frames>,
        received: Instant,
    ) -> Result<TokenDelivery, Rejection> {
        let terms = &self.verifiers.places.terms;
        let lines_of = |name| head.lines(Header::Named(name));
        let token = self.verifiers.find(lines_of(self.verifiers.header()));
        let token = token.map_err(|error| self.rejection(error))?;
        // The budget counts these bytes as well: a token is no reason to hold any amount of memory.
        let mut reading = self.start_reading(terms, head, &*body)?;
        let body = reading.read(body, |_| {}).await?;
        let token = self.verifiers.proof(token, self.clock.unix_seconds());
        let body_read = self.body_read(received);
        let delivery = self.delivery(lines_of, token, body, received)?;
        let (token, body_bytes) = (delivery.token().name(), delivery.body().len());
        let accepted = Outcome::TokenAccepted { token, body_bytes, body_read };
        self.observe(accepted, Some(&delivery));
        Ok(delivery)
    }

    /// The delivery of a request that nobody has sent, for `testing`. Nothing is checked but the id.
    pub(crate) fn accept_unchecked<'a, L: Iterator<Item = &'a [u8]>>(
        &self,
        lines_of: impl Fn(&'static str) -> L,
        body: Bytes,
    ) -> Result<TokenDelivery, DeliveryIdError> {
        let token = self.verifiers.proof_of_first(self.clock.unix_seconds());
        self.delivery(lines_of, token, body, Instant::now())
    }

    fn delivery<'a, L: Iterator<Item = &'a [u8]>>(
        &self,
        lines_of: impl Fn(&'static str) -> L,
        token: TokenMatch,
        body: Bytes,
        received: Instant,
    ) -> Result<TokenDelivery, DeliveryIdError> {
        let places = &self.verifiers.places;
        Accepted::new(places, lines_of, token, body, received).map(TokenDelivery::of)
    }

    /// The rejection of a token, with the status that the sender expects.
    fn rejection(&self, error: TokenError) -> Rejection {
        if self.verifiers.places.terms.is_401_fatal {
            Rejection::TokenForbidden(error)
        } else {
            Rejection::Token(error)
        }
    }
}
