//! One-shot verification allocates nothing.

use allocation_counter::measure;
use nevent_webhooks::{Signer, Verifier};

#[path = "support/secrets.rs"]
mod secrets;

use secrets::{PREVIOUS_SECRET, SECRET, secret};

#[test]
fn one_shot_verification_allocates_nothing() {
    let current = secret(SECRET);
    let previous = secret(PREVIOUS_SECRET);
    let now = 1_640_995_200;
    let body = vec![b'x'; 100_000];
    let right = Signer::new(&current).header(now, &body);
    let wrong = Signer::new(&previous).header(now, b"another body");
    let one = Verifier::new(current.clone());
    let two = Verifier::with_secrets([current, previous]).expect("two secrets");

    for verifier in [&one, &two] {
        let info = measure(|| {
            assert!(verifier.verify(&right, &body, now).is_ok());
            assert!(verifier.verify(&wrong, &body, now).is_err());
            assert!(verifier.verify("t=1,v1=short", &body, now).is_err());
        });
        assert_eq!(info.count_total, 0, "{info:?}");
    }
}
