//! tk09–tk11, tk14–tk16: what happens to a delivery that was accepted for its token.

use std::time::Duration;

use nevent_webhooks::scheme::{Identity, Terms};
use nevent_webhooks::token::TokenLayer;
use nevent_webhooks::{Clock, DedupeOptions, ManualClock, VerifyOptions};

use super::tokens::{is, sent, token};
use crate::support::recorder::Recorder;
use crate::support::tokens::{Sent, TokenReceiver};
use crate::support::{Adapter, rows};

rows!(
    tk09_the_same_body_is_one_delivery,
    tk10_an_id_in_the_body,
    tk11_an_id_in_a_header,
    tk14_observers_are_told_that_nothing_is_signed,
    tk15_a_sender_that_takes_only_200,
    tk16_an_event_older_than_the_retention,
);

async fn tk09_the_same_body_is_one_delivery(adapter: Adapter) {
    let receiver = TokenReceiver::start(adapter, TokenLayer::new(token())).await;
    is(&receiver.send(&sent("{}")).await, 202, "");
    // What else the request says makes no difference.
    let again = sent("{}").header("X-Nevent-Delivery", "another");
    is(&receiver.send(&again).await, 200, "Already processed");
    is(&receiver.send(&sent("{ }")).await, 202, "");
    is(&receiver.send(&sent("")).await, 202, "");
    let seen = receiver.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].identity(), Identity::BodyHash);
    let read: serde_json::Map<_, _> = seen[0].json().expect("JSON");
    assert!(read.is_empty() && seen[2].json::<serde_json::Value>().is_err());
    let of_two_braces = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(seen[0].id().as_str(), format!("sha256:{of_two_braces}"));
    assert_eq!((seen[0].event_header(), seen[0].version_header()), (None, None));
}

async fn tk10_an_id_in_the_body(adapter: Adapter) {
    let layer = TokenLayer::builder([token()]).id_in_body("datos.0.id").build();
    let receiver = TokenReceiver::start(adapter, layer.expect("a layer")).await;
    is(&receiver.send(&sent(r#"{"datos":[{"id":7}]}"#)).await, 202, "");
    let reserialised = sent(r#"{"timestamp": 2, "datos": [{"id": 7}]}"#);
    is(&receiver.send(&reserialised).await, 200, "Already processed");
    is(&receiver.send(&sent(r#"{"datos":[{"id":8}]}"#)).await, 202, "");
    is(&receiver.send(&sent(r#"{"datos":[]}"#)).await, 202, "");
    let seen = receiver.seen();
    let found: Vec<_> = seen.iter().map(|delivery| (delivery.identity(), delivery.id())).collect();
    assert_eq!((found[0].0, found[0].1.as_str()), (Identity::BodyField, "7"));
    assert_eq!((found[1].0, found[1].1.as_str()), (Identity::BodyField, "8"));
    assert_eq!(found[2].0, Identity::BodyHash);
    assert_eq!(found.len(), 3);
}

/// A token signs nothing, so the same body under another id is another delivery.
async fn tk11_an_id_in_a_header(adapter: Adapter) {
    let layer = TokenLayer::builder([token()])
        .id_header("x-id")
        .event_header("x-event-type")
        .version_header("x-webhook-version");
    let receiver = TokenReceiver::start(adapter, layer.build().expect("a layer")).await;
    let with_id = |id: &str, body: &str| sent(body).header("X-Id", id);
    let full = with_id("a", "1").header("X-Event-Type", "sale").header("X-Webhook-Version", "2");
    is(&receiver.send(&full).await, 202, "");
    is(&receiver.send(&with_id("a", "1")).await, 200, "Already processed");
    is(&receiver.send(&with_id("a", "2")).await, 422, "Delivery id reused");
    is(&receiver.send(&with_id("b", "1")).await, 202, "");
    is(&receiver.send(&sent("3")).await, 400, "Missing delivery id");
    is(&receiver.send(&with_id("c", "3").header("X-Id", "c")).await, 400, "Malformed delivery id");
    let seen = receiver.seen();
    assert_eq!((seen.len(), seen[0].identity()), (2, Identity::UnsignedHeader));
    assert_eq!((seen[0].id().as_str(), seen[1].id().as_str()), ("a", "b"));
    assert_eq!((seen[0].event_header(), seen[0].version_header()), (Some("sale"), Some("2")));
    let claim = seen[0].claim().expect("claimed").claim();
    assert!(claim.replay_keys.is_empty(), "nothing is signed");
}

async fn tk14_observers_are_told_that_nothing_is_signed(adapter: Adapter) {
    let (of_token, of_dedupe) = (Recorder::default(), Recorder::default());
    let layer = TokenLayer::builder([token()])
        .event_header("x-event-type")
        .options(VerifyOptions::new().observer(of_token.clone()))
        .build();
    let options = DedupeOptions::new().observer(of_dedupe.clone());
    let receiver = TokenReceiver::with_options(adapter, layer.expect("a layer"), options).await;
    is(&receiver.send(&sent("{}").header("X-Event-Type", "sale")).await, 202, "");
    is(&receiver.send(&Sent::new("{}")).await, 401, "Missing token");
    assert_eq!(of_token.outcomes(), ["token_accepted", "rejected 401"]);
    assert_eq!(of_dedupe.outcomes(), ["claimed", "handler_succeeded"]);
    let [accepted, rejected] = &of_token.all()[..] else { panic!("two outcomes") };
    assert_eq!(accepted.event_type.as_deref(), Some("sale"));
    assert_eq!(accepted.delivery.as_deref(), Some(receiver.seen()[0].id().as_str()));
    assert_eq!((&rejected.event_type, &rejected.delivery), (&None, &None));
}

async fn tk15_a_sender_that_takes_only_200(adapter: Adapter) {
    let layer = TokenLayer::builder([token()]).terms(Terms::new().only_200_is_success()).build();
    let receiver = TokenReceiver::start(adapter, layer.expect("a layer")).await;
    is(&receiver.send(&sent("{}")).await, 200, "");
    is(&receiver.send(&sent("{}")).await, 200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

async fn tk16_an_event_older_than_the_retention(adapter: Adapter) {
    let clock = ManualClock::now();
    let options = VerifyOptions::new().clock(clock.clone());
    let layer = TokenLayer::builder([token()]).options(options).build().expect("a layer");
    let retention = Duration::from_secs(10 * 3600);
    let options = DedupeOptions::new().retention(retention);
    let options = options.reject_events_older_than_retention("created");
    let receiver = TokenReceiver::with_options(adapter, layer, options).await;
    let aged = |seconds: i64| sent(&format!(r#"{{"created":{}}}"#, clock.unix_seconds() - seconds));
    is(&receiver.send(&aged(36_000)).await, 202, "");
    is(&receiver.send(&aged(36_001)).await, 401, "Event too old");
    is(&receiver.send(&sent("{}")).await, 401, "Missing creation time");
    assert_eq!(receiver.runs(), 1);
}
