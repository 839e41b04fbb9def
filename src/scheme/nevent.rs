use super::sender::Sender;
use super::{Encoding, Format, Grammar, Hash, IdSource, Scheme, Signed, Terms, TimeSource};

/// The header that carries Nevent's signature: `t=<Unix seconds>,v1=<64 hex digits>`.
pub const SIGNATURE_HEADER: &str = "x-nevent-signature";

/// The header that carries Nevent's delivery id. The signature does not cover it.
pub const DELIVERY_HEADER: &str = "x-nevent-delivery";

/// The header that carries the type of Nevent's event. The signature does not cover it.
pub const EVENT_HEADER: &str = "x-nevent-event";

/// Nevent, whose scheme a receiver uses without naming it.
pub(crate) const NEVENT: Sender = Sender {
    name: "nevent",
    format: Format {
        hash: Hash::Sha256,
        encoding: Encoding::Hex,
        header: SIGNATURE_HEADER,
        grammar: Grammar::Items { digest: "v1" },
        before: "",
        signed: Signed::Time { time: TimeSource::Item("t"), separator: "." },
    },
    id: IdSource::Header(DELIVERY_HEADER),
    event_header: Some(EVENT_HEADER),
    version_header: None,
    #[cfg(feature = "schemes")]
    answers_url_verification: false,
    terms: Terms::new(),
};

impl Scheme {
    /// Nevent: `X-Nevent-Signature: t=<time>,v1=<hex>` over `{t}.{body}`, and an id in
    /// `X-Nevent-Delivery` that is not signed.
    pub const fn nevent() -> Self {
        Self::of(NEVENT)
    }
}
