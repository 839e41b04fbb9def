//! sc16: for how long the deliveries of a sender are remembered.

use std::time::Duration;

use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, DedupeOptions, OptionsError};

use crate::support::{Adapter, Sender, rows};

rows!(
    sc16_the_default_reaches_the_retry_horizon,
    sc16_a_shorter_one_acts_as_the_horizon,
    sc16_an_allowed_short_one_is_taken,
);

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);

/// The retry horizons, and the default retentions: an hour more, and a day at least.
fn table() -> [(Sender, Duration, Duration); 7] {
    [
        (Sender::of(Scheme::nevent()), 9 * HOUR, DAY),
        (Sender::of(Scheme::stripe()), 3 * DAY, 3 * DAY + HOUR),
        (Sender::of(Scheme::slack()), HOUR, DAY),
        (Sender::of(Scheme::standard_webhooks()), 76 * HOUR, 77 * HOUR),
        (Sender::of(Scheme::github()), 3 * DAY, 3 * DAY + HOUR),
        (Sender::of(Scheme::meta()), 7 * DAY, 7 * DAY + HOUR),
        (Sender::of(Scheme::shopify()), 5 * HOUR, DAY),
    ]
}

async fn sc16_the_default_reaches_the_retry_horizon(adapter: Adapter) {
    for (sender, _, retention) in table() {
        lasts(adapter, &sender, DedupeOptions::new(), retention).await;
    }
}

async fn sc16_a_shorter_one_acts_as_the_horizon(adapter: Adapter) {
    for (sender, horizon, _) in table().into_iter().filter(|(_, horizon, _)| *horizon > DAY) {
        lasts(adapter, &sender, DedupeOptions::new().retention(DAY), horizon).await;
    }
}

async fn sc16_an_allowed_short_one_is_taken(adapter: Adapter) {
    let options = DedupeOptions::for_scheme(Scheme::github()).retention(DAY);
    let options = options.dangerously_allow_short_retention();
    lasts(adapter, &Sender::of(Scheme::github()), options, DAY).await;
}

/// Checks that a delivery is remembered for this long, also by its signed bytes, and not longer.
async fn lasts(adapter: Adapter, sender: &Sender, options: DedupeOptions, retention: Duration) {
    let receiver = sender.on(adapter).options(options).start().await;
    receiver.deliver(&sender.post("d", receiver.now())).await.is(200, "");
    receiver.clock.advance(retention.saturating_sub(SECOND));
    receiver.deliver(&sender.post("d", receiver.now())).await.is(200, "Already processed");
    if !sender.is_timed {
        let captured = sender.post_body("x", receiver.now(), crate::support::sender::body_of("d"));
        receiver.deliver(&captured).await.is(200, "Already processed");
    }
    receiver.clock.advance(SECOND);
    receiver.deliver(&sender.post("d", receiver.now())).await.is(200, "");
    assert_eq!(receiver.runs(), 2);
}

#[test]
fn sc16_a_shorter_one_for_a_scheme_is_refused() {
    for (sender, horizon, _) in table() {
        let with = |retention| {
            let options = sender.options().retention(retention);
            DedupeLayer::with_options("d", MemoryStore::new(), options)
        };
        assert!(with(horizon).is_ok(), "{}", sender.name);
        let shorter = horizon.saturating_sub(SECOND);
        let error = with(shorter).expect_err("too short");
        let OptionsError::RetentionTooShort { retention, least } = error else {
            panic!("{}: {error}", sender.name);
        };
        assert_eq!((retention, least), (shorter, horizon), "{}", sender.name);
    }
}
