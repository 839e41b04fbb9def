//! Signatures that travel along, and are verified again by the consumer.

use nevent_webhooks::queue::{Envelope, EnvelopeVerifyError, HandOver};
use nevent_webhooks::{Verifier, VerifyError};

use crate::receiver::Setup;
use crate::support::receiver::secret;
use crate::support::work::batch;
use crate::support::{Adapter, OTHER_SECRET, Post, SECRET, rows};

rows!(q08_the_signature_is_kept);

async fn q08_the_signature_is_kept(adapter: Adapter) {
    let setup = Setup { change: HandOver::keep_signature, ..Setup::default() };
    let receiver = setup.start(adapter).await;
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    receiver.deliver(&Post::new("d-2").body(batch(["evt_1"]))).await.is(200, "");
    let [entry, part] = &receiver.queue.entries()[..] else { panic!("two entries") };
    // However long ago that was.
    let verified = entry.verify(&Verifier::new(secret(SECRET))).expect("genuine");
    assert_eq!(verified.timestamp(), entry.signed_at());
    let wrong = entry.verify(&Verifier::new(secret(OTHER_SECRET)));
    let invalid = EnvelopeVerifyError::Signature(VerifyError::InvalidSignature);
    assert_eq!(wrong.expect_err("another secret"), invalid);
    assert_eq!(
        part.verify(&Verifier::new(secret(SECRET))).expect_err("no signature of its own"),
        EnvelopeVerifyError::PartOfBatch
    );
    forged(entry);
}

/// Nobody who can write to the queue can have a genuine delivery handled as another.
fn forged(entry: &Envelope) {
    let json = entry.to_json();
    for (from, to, field) in [
        (r#""id":"evt_01234567890""#, r#""id":"evt_2""#, "id"),
        (r#""dedupe_key":"event_id""#, r#""dedupe_key":"delivery_id""#, "dedupe_key"),
        (
            r#""event_type":"purchase.completed""#,
            r#""event_type":"purchase.refunded""#,
            "event_type",
        ),
        (r#""event_type":"purchase.completed","#, "", "event_type"),
    ] {
        let forged = json.replacen(from, to, 1);
        assert_ne!(forged, json, "{field}");
        let forged = Envelope::from_json(forged).expect("well-formed");
        let error = forged.verify(&Verifier::new(secret(SECRET))).expect_err(field);
        assert!(
            error.to_string().starts_with(&format!("the envelope's `{field}` is not")),
            "{error}"
        );
    }
}
