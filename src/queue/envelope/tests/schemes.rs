//! The signatures of other senders, which the consumer verifies again.

use super::*;
use crate::scheme::{Hash, Scheme};
use crate::{Secret, VerifyError};

/// The envelope of a delivery as this sender sends it, as the worker reads it, with its verifier and with
/// one of another secret.
fn check<T: Copy, K: Copy>(scheme: Scheme<T, K>, secrets: [Secret<K>; 2], body: &str) -> Envelope {
    let [secret, other] = secrets;
    let sent = SignedDelivery::for_scheme(scheme, &secret, "d-1", body);
    let headers: Vec<_> = sent.headers().collect();
    let delivery = sent.verified(&secret).expect("genuine");
    let envelope = Envelope::with_signature(&delivery, |name| {
        let of_name = headers.iter().filter(move |(header, _)| *header == name);
        of_name.map(|(_, value)| value.as_bytes())
    });
    let envelope = by_headers(&Envelope::from_json(envelope.to_json()).unwrap()).unwrap();
    let verified = envelope.verify(&scheme.verifier(secret.clone())).unwrap();
    assert_eq!(verified.timestamp(), envelope.signed_at());
    assert_eq!(
        envelope.verify(&scheme.verifier(other)).unwrap_err(),
        EnvelopeVerifyError::Signature(VerifyError::InvalidSignature)
    );
    assert_eq!((envelope.scheme(), envelope.id()), (scheme.name(), delivery.id()));
    let without = envelope.clone().signed(None).verify(&scheme.verifier(secret));
    assert_eq!(without.unwrap_err(), EnvelopeVerifyError::NoSignature);
    envelope
}

fn text() -> [Secret; 2] {
    ["whsec_k5EKJQnf9sMX2vYzJdHG3L8pR", "whsec_0aVnD4bWmTzq7RsuPyXc1LfEh"]
        .map(|text| Secret::new(text).unwrap())
}

#[test]
fn every_senders_signature_can_be_verified_again() {
    let keys = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    let base64 = || keys.map(|text| Secret::from_base64(text).unwrap());
    assert_eq!(
        check(Scheme::nevent(), text(), EVENT.replace("evt_1", "d-1").as_str()).id().as_str(),
        "d-1"
    );
    check(Scheme::stripe(), text(), EVENT);
    check(Scheme::github(), text(), EVENT);
    check(Scheme::meta(), text(), EVENT);
    check(Scheme::shopify(), text(), EVENT);
    check(Scheme::slack(), text(), r#"{"event_id":"Ev1"}"#);
    check(Scheme::standard_webhooks(), base64(), EVENT);
    check(Scheme::svix(), base64(), EVENT);
    let own = Scheme::hmac(Hash::Sha512, "x-signature").id_in_body("id").build().unwrap();
    check(own, text(), EVENT);
}

/// The id and the time are parts of what is signed.
#[test]
fn an_id_that_was_changed_is_noticed() {
    let [secret, other] = text();
    let envelope = check(Scheme::stripe(), [secret.clone(), other], EVENT);
    for (from, to, field) in [
        (r#""id":"evt_1","dedupe"#, r#""id":"evt_2","dedupe"#, "id"),
        (r#""is_readable":true"#, r#""is_readable":false"#, "is_readable"),
        (r#""event_type":"ping""#, r#""event_type":"pong""#, "event_type"),
        (r#""event_type":"ping","#, "", "event_type"),
        (r#""signed_at":"#, r#""signed_at":1"#, "signed_at"),
        (r#""scheme":"stripe""#, r#""scheme":"github""#, "scheme"),
        (r#""delivery_id":"evt_1""#, r#""delivery_id":"evt_2""#, "delivery_id"),
    ] {
        let json = envelope.to_json().replacen(from, to, 1);
        let error =
            Envelope::from_json(json).unwrap().verify(&Scheme::stripe().verifier(secret.clone()));
        assert_eq!(error.unwrap_err(), EnvelopeVerifyError::Changed { field });
    }
}

/// A worker knows by the header alone what GitHub tells it.
#[test]
fn another_senders_event_is_readable_and_keeps_its_header() {
    let [secret, _] = text();
    let body = r#"{"action":"opened","issue":{"id":1,"number":7},"repository":{"id":2}}"#;
    let sent = SignedDelivery::for_scheme(Scheme::github(), &secret, "d-1", body).event("issues");
    let envelope = Envelope::of(&sent.verified(&secret).unwrap());
    let read = Envelope::from_json(envelope.to_json()).unwrap();
    assert_eq!((read.is_readable(), read.event_type()), (true, None));
    assert_eq!(read.event_header(), Some("issues"));
}

/// An `id` in another sender's body may name what the event is about.
#[test]
fn only_nevents_events_have_ids_of_their_own() {
    let envelope = check(Scheme::github(), text(), EVENT);
    assert_eq!((envelope.dedupe_key(), envelope.id().as_str()), (DedupeKey::DeliveryId, "d-1"));
    let batch = format!("[{EVENT},{EVENT}]");
    let [secret, _] = text();
    let sent = SignedDelivery::for_scheme(Scheme::github(), &secret, "d-1", batch.as_str());
    let entries = Envelope::split(&sent.verified(&secret).unwrap());
    assert_eq!((entries.len(), entries[0].body().as_ref()), (1, batch.as_bytes()));
}
