use super::TokenLayer;
use crate::VerifyOptions;
use crate::credential::{Token, TokenSetupError, Tokens};
use crate::scheme::{IdSource, Places, Terms, check_body_field, check_header_names, check_terms};

/// A [`TokenLayer`] under construction: see [`TokenLayer::builder`].
///
/// Until you say otherwise, the sender gives no id, and its terms are [`Terms::new`].
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::VerifyOptions;
/// use nevent_webhooks::scheme::Terms;
/// use nevent_webhooks::token::{Token, TokenLayer};
///
/// let token = Token::header("x-make-apikey", "k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let layer = TokenLayer::builder([token])
///     .name("make")
///     .id_in_body("datos.id")
///     .event_header("x-event-type")
///     .terms(Terms::new().retry_horizon(Duration::from_secs(24 * 3600)))
///     .options(VerifyOptions::new().body_limit(64 * 1024))
///     .build()?;
/// # Ok::<(), nevent_webhooks::token::TokenSetupError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TokenLayerBuilder {
    tokens: Vec<Token>,
    name: &'static str,
    places: Places,
    options: VerifyOptions,
}

impl TokenLayerBuilder {
    /// The name of the sender, and where it puts what.
    pub(super) const DEFAULTS: (&'static str, Places) = (
        "token",
        Places {
            id: IdSource::BodyHash,
            event_header: None,
            version_header: None,
            #[cfg(feature = "queue")]
            signed_headers: [None; 3],
            terms: Terms::new(),
        },
    );

    pub(super) fn new(tokens: Vec<Token>) -> Self {
        let (name, places) = Self::DEFAULTS;
        Self { tokens, name, places, options: VerifyOptions::new() }
    }

    /// Sets the sender's name, for logs. Default `token`.
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Takes the id from this header. The delivery is claimed by the id and the body.
    ///
    /// Nothing protects the header. Anyone who knows the token can have a delivery handled again under
    /// another id, or block an id with another body.
    pub fn id_header(mut self, name: &'static str) -> Self {
        self.places.id = IdSource::Header(name);
        self
    }

    /// Takes the id from a field of the JSON body. The path has names and, for arrays, positions from
    /// 0, between full stops: `data.items.0.id`. The field is a string or a whole number. A body
    /// without it is identified by its hash. The delivery is claimed by the id alone.
    pub fn id_in_body(mut self, path: &'static str) -> Self {
        self.places.id = IdSource::BodyField(path);
        self
    }

    /// Takes the hash of the body for the id, for a sender that gives none. The default.
    pub fn id_from_body_hash(mut self) -> Self {
        self.places.id = IdSource::BodyHash;
        self
    }

    /// Sets the header that names the event's type.
    pub fn event_header(mut self, name: &'static str) -> Self {
        self.places.event_header = Some(name);
        self
    }

    /// Sets the header that names the version of the body's format.
    pub fn version_header(mut self, name: &'static str) -> Self {
        self.places.version_header = Some(name);
        self
    }

    /// Sets what the sender expects of its receivers. Default [`Terms::new`].
    pub fn terms(mut self, terms: Terms) -> Self {
        self.places.terms = terms;
        self
    }

    /// Sets the layer's options. The strict event type has no effect, because the layer reads no events.
    /// The clock has none either, except that
    /// [`DedupeOptions::reject_events_older_than_retention`] measures ages by it.
    ///
    /// [`DedupeOptions::reject_events_older_than_retention`]:
    /// crate::DedupeOptions::reject_events_older_than_retention
    pub fn options(mut self, options: VerifyOptions) -> Self {
        self.options = options;
        self
    }

    /// Checks the parts, and returns the layer.
    ///
    /// # Errors
    ///
    /// [`TokenSetupError`] if there are no tokens or more than four, if two are the same or they are in
    /// different headers, or if a name of a header, a path or the terms are not usable.
    pub fn build(self) -> Result<TokenLayer, TokenSetupError> {
        let tokens = Tokens::new(self.name, self.places, self.tokens)?;
        let id = match self.places.id {
            IdSource::Header(name) => Some(name),
            _ => None,
        };
        let Places { event_header, version_header, .. } = self.places;
        check_header_names(&[Some(tokens.header()), id, event_header, version_header])?;
        check_body_field(self.places.id)?;
        check_terms(&self.places.terms)?;
        Ok(TokenLayer::with(tokens, self.options))
    }
}
