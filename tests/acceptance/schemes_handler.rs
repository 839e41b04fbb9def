//! sc17, sc19: what a handler learns of a delivery, and how it reads the body.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use nevent_webhooks::scheme::{Identity, Scheme};
use nevent_webhooks::{Delivery, Rejection};

use crate::support::{Adapter, Sender, rows};

rows!(
    sc17_the_scheme_and_the_identity,
    sc17_headers_that_are_not_signed,
    sc17_headers_that_are_no_plain_line,
    sc19_a_body_as_the_handlers_own_type,
);

async fn sc17_the_scheme_and_the_identity(adapter: Adapter) {
    use Identity::{BodyField, BodyHash, SignedHeader, UnsignedHeader};
    let identities = [
        ("nevent", UnsignedHeader),
        ("stripe", BodyField),
        ("slack", BodyField),
        ("standard-webhooks", SignedHeader),
        ("svix", SignedHeader),
        ("github", UnsignedHeader),
        ("meta", BodyHash),
        ("shopify", UnsignedHeader),
        ("sha512", UnsignedHeader),
        ("sha512-timed", UnsignedHeader),
    ];
    for (sender, (name, identity)) in Sender::all().iter().zip(identities) {
        let receiver = sender.on(adapter).start().await;
        receiver.deliver(&sender.post("d-1", receiver.now())).await.is(200, "");
        let seen = receiver.seen();
        assert_eq!((seen[0].scheme(), seen[0].identity()), (name, identity));
        assert_eq!(seen[0].id().as_str() == "d-1", identity != BodyHash, "{}", seen[0].id());
        let verified = seen[0].verified();
        assert_eq!(verified.scheme(), name);
        assert_eq!(verified.timestamp(), sender.is_timed.then(|| receiver.now()));
        let signed = (identity == SignedHeader).then(|| seen[0].id().as_str());
        assert_eq!(verified.signed_id(), signed);
        assert_eq!((seen[0].event_header(), seen[0].version_header()), (None, None));
    }
}

async fn sc17_headers_that_are_not_signed(adapter: Adapter) {
    let github = Sender::of(Scheme::github());
    let receiver = github.on(adapter).start().await;
    let push = github.post("d", receiver.now()).header("X-GitHub-Event", "push");
    receiver.deliver(&push).await.is(200, "");
    assert_eq!(receiver.seen()[0].event_header(), Some("push"));
    assert_eq!(receiver.seen()[0].version_header(), None);

    let shopify = Sender::of(Scheme::shopify());
    let receiver = shopify.on(adapter).start().await;
    let paid = shopify.post("d", receiver.now()).header("X-Shopify-Topic", "orders/paid");
    receiver.deliver(&paid.header("X-Shopify-Api-Version", "2026-10")).await.is(200, "");
    assert_eq!(receiver.seen()[0].event_header(), Some("orders/paid"));
    assert_eq!(receiver.seen()[0].version_header(), Some("2026-10"));
}

async fn sc17_headers_that_are_no_plain_line(adapter: Adapter) {
    let sender = Sender::of(Scheme::shopify());
    let receiver = sender.on(adapter).start().await;
    let (event, version) = ("x-shopify-topic", "x-shopify-api-version");
    let odd = sender.post("d-1", receiver.now()).header(event, "x".repeat(129));
    receiver.deliver(&odd.header(version, "2026").header(version, "2027")).await.is(200, "");
    let odd = sender.post("d-2", receiver.now()).header(event, "ä").header(version, "ö");
    receiver.deliver(&odd).await.is(200, "");
    for delivery in receiver.seen() {
        assert_eq!((delivery.event_header(), delivery.version_header()), (None, None));
    }
    assert_eq!(receiver.runs(), 2);
}

#[derive(serde::Deserialize)]
struct Order {
    id: String,
    total: Total,
}

#[derive(serde::Deserialize)]
struct Total {
    cents: u32,
}

async fn sc19_a_body_as_the_handlers_own_type(adapter: Adapter) {
    let read = Arc::new(Mutex::new(Vec::new()));
    let handle = {
        let read = Arc::clone(&read);
        move |delivery: Delivery| {
            let read = Arc::clone(&read);
            async move {
                let order: Order = delivery.json()?;
                read.lock().expect("no panic while locked").push((order.id, order.total.cents));
                Ok::<_, Rejection>(StatusCode::OK)
            }
        }
    };
    let sender = Sender::of(Scheme::stripe());
    let receiver = sender.on(adapter).refusing_handler(handle).start().await;
    let post = |body: &str| sender.post_body("", receiver.now(), body);
    let malformed = ["", "order", r#"{"id":"o"}"#, r#"{"id":"o","total":{"cents":"7"}}"#, "{} {}"];
    for body in malformed {
        for _ in 0..2 {
            // The claim was released, so the retry runs.
            receiver.deliver(&post(body)).await.is(400, "Malformed event");
        }
    }
    assert_eq!(receiver.runs(), 2 * malformed.len());
    let right = post("\u{feff}{\"id\":\"o\",\"total\":{\"cents\":7}}");
    receiver.deliver(&right).await.is(200, "");
    receiver.deliver(&right).await.is(200, "Already processed");
    assert_eq!(*read.lock().expect("no panic while locked"), [("o".to_owned(), 7)]);
}
