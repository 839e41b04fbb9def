use std::time::Duration;

use tokio::time::Instant;

use super::DedupeOptions;
use crate::deadline::deadline;
use crate::delivery::AnyDelivery;
use crate::scheme::Terms;

/// The durations that hold for the deliveries of one sender: those of the options, and for the rest
/// the defaults that suit the sender's terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) response_deadline: Duration,
    pub(super) lease: Duration,
    /// How long the store keeps a completed delivery. If the age of events is limited, this is
    /// [`KEPT_LONGER`](super::creation::KEPT_LONGER) than the limit.
    pub(super) retention: Duration,
    pub(super) store_timeout: Duration,
    pub(super) handler_timeout: Duration,
}

const LEASE: Duration = Duration::from_secs(30);
const STORE_TIMEOUT: Duration = Duration::from_secs(2);
const HANDLER_TIMEOUT: Duration = Duration::from_secs(600);

impl Times {
    pub(super) fn new(options: &DedupeOptions, terms: &Terms) -> Self {
        let by_default = terms.response_deadline();
        let third = by_default.checked_div(3).unwrap_or_default();
        Self {
            response_deadline: options.response_deadline.unwrap_or(by_default),
            // A sender that is patient needs a longer lease, and one that is not a quicker store.
            lease: options.lease.unwrap_or(LEASE.max(by_default.saturating_mul(3))),
            retention: retention(options, terms),
            store_timeout: options
                .store_timeout
                .unwrap_or(STORE_TIMEOUT.min(by_default.saturating_sub(third))),
            handler_timeout: options.handler_timeout.unwrap_or(HANDLER_TIMEOUT),
        }
    }
}

impl Times {
    /// The response deadline of this delivery.
    pub(super) fn respond_by(&self, delivery: &impl AnyDelivery) -> Instant {
        deadline(delivery.accepted().received(), self.response_deadline)
    }

    /// How long the store keeps what must not expire before a record that an attempt, begun now,
    /// completes. The attempt may run for the handler timeout, recording its end may take as long, and
    /// a lease and a minute are for handlers that block their thread and for clocks that are set.
    pub(super) fn outlasting_the_record(&self) -> Duration {
        let minute = Duration::from_secs(60);
        let attempt = self.handler_timeout.saturating_mul(2).saturating_add(self.lease);
        self.retention.saturating_add(attempt).saturating_add(minute)
    }
}

/// A retention below the sender's retry horizon acts as the horizon, unless it is allowed. Otherwise a
/// retry would be handled again.
fn retention(options: &DedupeOptions, terms: &Terms) -> Duration {
    let retention = match options.retention {
        None => terms.retention(),
        Some(retention) if options.allow_short_retention => retention,
        Some(retention) => retention.max(terms.least_retention()),
    };
    #[cfg(feature = "schemes")]
    if options.creation_field.is_some() {
        return retention.saturating_add(super::creation::KEPT_LONGER);
    }
    retention
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_defaults_suit_the_sender() {
        let of = |timeout: Duration| {
            let times = DedupeOptions::new().times(&Terms::new().timeout(timeout));
            [times.response_deadline, times.store_timeout, times.lease, times.handler_timeout]
        };
        let millis = Duration::from_millis;
        assert_eq!(of(10 * SECOND), [9 * SECOND, 2 * SECOND, 30 * SECOND, 600 * SECOND]);
        assert_eq!(of(3 * SECOND), [millis(2700), millis(1800), 30 * SECOND, 600 * SECOND]);
        assert_eq!(of(15 * SECOND), [millis(13_500), 2 * SECOND, millis(40_500), 600 * SECOND]);
    }

    #[test]
    fn a_retention_reaches_the_retry_horizon_unless_allowed() {
        let (day, days) = (86_400 * SECOND, Terms::new().retry_horizon(3 * 86_400 * SECOND));
        let of = |options: DedupeOptions| options.times(&days).retention;
        assert_eq!(of(DedupeOptions::new()), 3 * day + 3600 * SECOND);
        assert_eq!(of(DedupeOptions::new().retention(day)), 3 * day);
        assert_eq!(of(DedupeOptions::new().retention(7 * day)), 7 * day);
        let allowed = DedupeOptions::new().retention(day).dangerously_allow_short_retention();
        assert_eq!(of(allowed), day);
    }
}
