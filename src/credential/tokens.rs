use std::fmt;
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::place::Place;
use super::{Token, TokenError, TokenMatch, TokenSetupError};
use crate::scheme::Places;
use crate::signature::{Credential, Credentials, MAX_CREDENTIALS};

/// The tokens of a layer, and what it knows of their sender.
pub(crate) struct Tokens {
    pub(crate) sender: &'static str,
    pub(crate) places: Places,
    place: Place,
    all: ArrayVec<Token, MAX_CREDENTIALS>,
    credentials: Credentials,
}

impl Tokens {
    /// Takes one to four tokens in the same place, no two of them the same.
    pub(crate) fn new(
        sender: &'static str,
        places: Places,
        given: Vec<Token>,
    ) -> Result<Self, TokenSetupError> {
        let place = given.first().ok_or(TokenSetupError::NoToken)?.place;
        let mut all = ArrayVec::new();
        for token in given {
            if token.place != place {
                return Err(TokenSetupError::DifferentPlaces);
            }
            if let Some(known) = same_as(&token, &all) {
                let names = [known, &token].map(|token| token.name.to_string());
                return Err(TokenSetupError::SameToken { names });
            }
            all.try_push(token).map_err(|_| TokenSetupError::TooManyTokens)?;
        }
        let credentials = credentials_of(&all);
        Ok(Self { sender, places, place, all, credentials })
    }

    /// A single token needs no checks.
    pub(crate) fn one(sender: &'static str, places: Places, token: Token) -> Self {
        let (place, all) = (token.place, ArrayVec::from_iter([token]));
        Self { sender, places, place, credentials: credentials_of(&all), all }
    }

    /// The name of the header that carries the token.
    pub(crate) fn header(&self) -> &'static str {
        self.place.header()
    }

    /// Finds the token of a request among these.
    pub(crate) fn find<'a>(
        &self,
        lines: impl Iterator<Item = &'a [u8]>,
    ) -> Result<&Token, TokenError> {
        let given = Credential::new(&self.place.find(lines)?);
        let position = self.credentials.position_of(&given);
        let token = position.and_then(|position| self.all.get(position));
        let challenge = self.place.challenge();
        let token = token.ok_or(TokenError::InvalidToken { challenge })?;
        token.count_match();
        Ok(token)
    }

    /// The proof that the request had this token. `body_end` is in Unix seconds.
    pub(crate) fn proof(&self, token: &Token, body_end: i64) -> TokenMatch {
        TokenMatch { sender: self.sender, token_name: Arc::clone(&token.name), body_end }
    }

    /// A proof as if a request had had the first token, for `testing`. The match is not counted.
    pub(crate) fn proof_of_first(&self, body_end: i64) -> TokenMatch {
        let name = self.all.first().map(|token| Arc::clone(&token.name));
        // There is always a first token: `new` takes no empty list.
        TokenMatch { sender: self.sender, token_name: name.unwrap_or_default(), body_end }
    }
}

fn same_as<'a>(token: &Token, tokens: &'a [Token]) -> Option<&'a Token> {
    tokens.get(credentials_of(tokens).position_of(&token.credential)?)
}

fn credentials_of(tokens: &[Token]) -> Credentials {
    Credentials::new(tokens.iter().map(|token| &token.credential))
}

/// Shows the names of the tokens.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("sender", &self.sender)
            .field("tokens", &self.all)
            .finish_non_exhaustive()
    }
}
