/// Where a sender puts the id of a delivery, with the names that are needed to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdSource {
    /// The header that the signature covers: see `Signed::IdAndTime`.
    SignedHeader,
    /// A header that the signature does not cover.
    Header(&'static str),
    /// A field of the JSON body: names and positions, separated by full stops.
    #[cfg(feature = "schemes")]
    BodyField(&'static str),
    /// The sender gives no id.
    #[cfg(feature = "schemes")]
    BodyHash,
}

impl IdSource {
    pub(crate) fn identity(self) -> Identity {
        match self {
            Self::SignedHeader => Identity::SignedHeader,
            Self::Header(_) => Identity::UnsignedHeader,
            #[cfg(feature = "schemes")]
            Self::BodyField(_) => Identity::BodyField,
            #[cfg(feature = "schemes")]
            Self::BodyHash => Identity::BodyHash,
        }
    }
}

/// Where the id of a delivery comes from. It decides how the delivery is deduplicated.
///
/// See [`Delivery::identity`](crate::Delivery::identity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// A header that the signature covers. The delivery is claimed by the id alone, because the body
    /// of a retry may differ.
    SignedHeader,
    /// A header that the signature does not cover. The store recognises the body and the signed bytes as
    /// well: a replay under another id is the same delivery, and another body under the same id is a
    /// conflict. With a token there are no signed bytes, so a replay under another id is another
    /// delivery.
    UnsignedHeader,
    /// A field of the body, which the signature covers. The delivery is claimed by the id alone.
    BodyField,
    /// The SHA-256 of the body, for a delivery without an id. Two deliveries with the same bytes are
    /// one.
    BodyHash,
}
