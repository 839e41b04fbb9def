use std::time::Duration;

use crate::DeliveryId;

/// The answer to a claim.
///
/// Exhaustive: a caller that does not know an answer could not be safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// The claim's token holds the delivery: run the handler.
    Acquired,
    /// Another token holds the delivery.
    InFlight {
        /// The time until the other token's lease expires, unless it is renewed.
        lease: Duration,
    },
    /// The delivery was completed.
    Completed,
    /// The same signed bytes came first under this id: claim that one.
    ReplayOf(DeliveryId),
    /// The id belongs to a delivery with another body.
    Conflict,
}

/// The answer to a renewal. Exhaustive, as [`ClaimAnswer`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The lease started anew.
    Renewed,
    /// The token does not hold the record, or its lease had expired.
    Lost,
}

/// The answer to a completion. Exhaustive, as [`ClaimAnswer`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// The delivery is completed.
    Recorded,
    /// Another token holds the record; nothing was changed.
    HeldByAnother,
}
