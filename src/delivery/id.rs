use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A delivery id: 1 to 128 printable ASCII characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(Arc<str>);

impl DeliveryId {
    /// Parses an id as it appears in the header.
    ///
    /// ```
    /// use nevent_webhooks::DeliveryId;
    ///
    /// assert_eq!(DeliveryId::new("01234567-89ab")?.as_str(), "01234567-89ab");
    /// assert!(DeliveryId::new("").is_err());
    /// # Ok::<(), nevent_webhooks::DeliveryIdError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DeliveryIdError::Malformed`] if the id is empty, longer than 128 bytes or not printable
    /// ASCII.
    pub fn new(id: impl AsRef<[u8]>) -> Result<Self, DeliveryIdError> {
        let malformed = |reason| Err(DeliveryIdError::Malformed { reason });
        let id = id.as_ref();
        if id.is_empty() {
            return malformed("empty");
        }
        if id.len() > MAX_LENGTH {
            return malformed("longer than 128 bytes");
        }
        match printable_ascii(id) {
            Some(id) => Ok(Self(id.into())),
            None => malformed("a byte that is not printable ASCII"),
        }
    }

    /// Parses the id from the values of all delivery id header lines of a request. There must be
    /// exactly one line.
    ///
    /// # Errors
    ///
    /// [`DeliveryIdError::Missing`] if there is no line, and [`DeliveryIdError::Malformed`] if there
    /// are several or the id is malformed.
    pub fn from_lines<'a>(
        lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, DeliveryIdError> {
        let mut lines = lines.into_iter();
        let line = lines.next().ok_or(DeliveryIdError::Missing)?;
        match lines.next() {
            None => Self::new(line),
            Some(_) => Err(DeliveryIdError::Malformed { reason: "more than one header line" }),
        }
    }

    /// The id under which an event is claimed, or a delivery whose id is a field of the body. Such an id
    /// may be any string. One that is not a valid delivery id is replaced by its SHA-256. So is one
    /// that looks like such a hash, or like the hash of a body: otherwise whoever chooses the text of
    /// an id could block another delivery.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn of_event(id: &str) -> Self {
        let looks_like_a_hash = id.starts_with("sha256:") || id.starts_with("id-sha256:");
        match Self::new(id) {
            Ok(id) if !looks_like_a_hash => id,
            _ => {
                use sha2::{Digest, Sha256};
                let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
                Self(format!("id-sha256:{}", hex::encode(digest)).into())
            }
        }
    }

    /// The id under which a receiver claims an event of a batch that cannot be read. No event's id is
    /// such a text, because [`DeliveryId::of_event`] hashes those that look like it.
    #[cfg(feature = "queue")]
    pub(crate) fn of_part(delivery: &Self, position: u32, part: &[u8]) -> Self {
        use sha2::{Digest, Sha256};
        let hash = Sha256::new().chain_update(format!("{position}:{delivery}:")).chain_update(part);
        let digest: [u8; 32] = hash.finalize().into();
        Self(format!("sha256:{}", hex::encode(digest)).into())
    }

    /// The id under which the consumer of a queue claims an entry. The prefixes keep apart the ids of
    /// events, of deliveries, and of the parts of deliveries.
    #[cfg(feature = "queue")]
    pub(crate) fn of_entry(prefix: fmt::Arguments<'_>, id: &Self) -> Self {
        use sha2::{Digest, Sha256};
        let text = format!("{prefix}:{id}");
        if text.len() <= MAX_LENGTH {
            return Self(text.into());
        }
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        Self(format!("sha256:{}", hex::encode(digest)).into())
    }

    /// The id of a delivery whose sender gives none.
    #[cfg(all(feature = "schemes", any(feature = "tower", feature = "actix", feature = "queue")))]
    pub(crate) fn of_body(body: &[u8]) -> Self {
        use sha2::{Digest, Sha256};
        let digest: [u8; 32] = Sha256::digest(body).into();
        Self(format!("sha256:{}", hex::encode(digest)).into())
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for DeliveryId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for DeliveryId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a request has no usable delivery id.
///
/// ```
/// use nevent_webhooks::{DeliveryId, DeliveryIdError};
///
/// assert_eq!(DeliveryId::from_lines([]), Err(DeliveryIdError::Missing));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryIdError {
    /// There is no `X-Nevent-Delivery` header.
    #[error("there is no delivery id")]
    Missing,
    /// The `X-Nevent-Delivery` header is not a delivery id.
    #[error("the delivery id is malformed: {reason}")]
    #[non_exhaustive]
    Malformed {
        /// Describes what is wrong with the id.
        reason: &'static str,
    },
}

const MAX_LENGTH: usize = 128;

/// The bytes as text, if all of them are printable ASCII.
pub(crate) fn printable_ascii(bytes: &[u8]) -> Option<&str> {
    // Without an early end, which would keep the compiler from comparing many bytes at a time.
    let printable = bytes.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    if printable { std::str::from_utf8(bytes).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    #[test]
    fn event_ids_that_no_header_can_hold_differ_by_all_of_their_bytes() {
        let long = "x".repeat(100_000);
        let ids = ["a", "b"].map(|end| DeliveryId::of_event(&format!("{long}{end}")));
        assert_ne!(ids[0], ids[1]);
        assert_ne!(DeliveryId::of_event("ä"), DeliveryId::of_event("ö"));
        assert_eq!(DeliveryId::of_event("evt_1").as_str(), "evt_1");
        for start in ["sha256:", "id-sha256:"] {
            assert_ne!(DeliveryId::of_event(start).as_str(), start);
        }
        let hashed = DeliveryId::of_event("\u{e4}");
        assert_ne!(DeliveryId::of_event(hashed.as_str()), hashed);
    }

    #[test]
    fn an_id_prints_borrows_and_compares_as_its_text() {
        let id = DeliveryId::new("0123-ab").unwrap();
        assert_eq!(format!("{id} {id:?}"), r#"0123-ab "0123-ab""#);
        let text: &str = id.as_ref();
        assert_eq!(text, "0123-ab");
        assert_eq!(HashMap::from([(id, 1)]).get("0123-ab"), Some(&1));
    }
}
