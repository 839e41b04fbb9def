/// The id by which the layer deduplicates a delivery. Set it with
/// [`DedupeOptions::dedupe_by`](super::DedupeOptions::dedupe_by).
///
/// Delivery ids and event ids are separate key spaces. After you change the key, and while some
/// of your receivers use one key and some the other, a delivery that was completed under one key
/// is handled once more if the sender retries it under the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DedupeKey {
    /// The delivery's id, from its header. The default.
    ///
    /// The signature does not cover the header. The store therefore recognises the signed bytes as
    /// well, and a replay under another id is not handled again. A delivery that someone sends again
    /// by hand from Nevent's panel has a new id and a new signature, so it is handled again.
    #[default]
    DeliveryId,
    /// The event's own `id`, from the signed body.
    ///
    /// Choose this if an event must not be handled again when someone sends it again by hand
    /// from Nevent's panel, or if you want an id that the signature covers.
    ///
    /// Only a body that is one event has such an id. A batch, and a body that is not an event,
    /// are deduplicated by the delivery's id. The layer reads the id out of the body before the
    /// claim.
    ///
    /// This has an effect for Nevent's deliveries alone. Another sender's `id` may name what an event is
    /// about. Say where its events have their id with
    /// [`id_in_body`](crate::scheme::SchemeBuilder::id_in_body).
    ///
    /// You do not need this with [`Batch`](crate::Batch), which always claims each event
    /// by its own id, even when the delivery holds only one.
    #[cfg(feature = "events")]
    EventId,
}
