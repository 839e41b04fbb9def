use tokio::time::Instant;

use crate::Rejection;
use crate::credential::{TokenDelivery, TokenError, Tokens};
use crate::delivery::{Accepted, AnyDelivery};
use crate::observe::Outcome;
use crate::receive::{Checks, Frames, Head, Header};

impl Checks<Tokens> {
    /// Accepts a request for its token. The checks run in this order: token, head, body, delivery id.
    pub(crate) async fn accept(
        &self,
        head: &impl Head,
        body: impl Frames,
        received: Instant,
    ) -> Result<TokenDelivery, Rejection> {
        let places = &self.verifiers.places;
        let lines_of = |name| head.lines(Header::Named(name));
        let token = self.verifiers.find(lines_of(self.verifiers.header()));
        let token = token.map_err(|error| self.rejection(error))?;
        // The budget counts these bytes as well: a token is no reason to hold any amount of memory.
        let (body, _share) = self.read(&places.terms, head, body, |_| {}).await?;
        let token = self.verifiers.proof(token, self.clock.unix_seconds());
        let body_read = self.body_read(received);
        let delivery = Accepted::new(places, lines_of, token, body, received)?;
        let delivery = TokenDelivery::of(delivery);
        let (token, body_bytes) = (delivery.token().name(), delivery.body().len());
        let accepted = Outcome::TokenAccepted { token, body_bytes, body_read };
        self.observe(accepted, Some(&delivery));
        Ok(delivery)
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
