//! How often one-shot verification allocates, to the number.

use allocation_counter::measure;
use nevent_webhooks::{Signer, Verifier};

#[path = "support/secrets.rs"]
mod secrets;

use secrets::{PREVIOUS_SECRET, SECRET, secret};

const NOW: i64 = 1_640_995_200;
/// As many secrets as a verifier accepts.
const SECRETS: [&str; 4] =
    [SECRET, PREVIOUS_SECRET, "whsec_Zq8LwT3nXo5RbVy7KcPd2MgUs", "whsec_Fy6JhS1kPe9CtWx4NaQm7BvGi"];

#[test]
fn one_shot_verification_allocates_nothing() {
    let current = secret(SECRET);
    let previous = secret(PREVIOUS_SECRET);
    let body = vec![b'x'; 100_000];
    let right = Signer::new(&current).header(NOW, &body);
    let wrong = Signer::new(&previous).header(NOW, b"another body");
    let one = Verifier::new(current.clone());
    let two = Verifier::with_secrets([current, previous]).expect("two secrets");

    for verifier in [&one, &two] {
        let info = measure(|| {
            assert!(verifier.verify(&right, &body, NOW).is_ok());
            assert!(verifier.verify(&wrong, &body, NOW).is_err());
            assert!(verifier.verify("t=1,v1=short", &body, NOW).is_err());
        });
        assert_eq!(info.count_total, 0, "{info:?}");
    }
}

/// The most that a header and a verifier can have, and every error that the body decides.
#[test]
fn eight_digests_under_four_secrets_allocate_nothing() {
    let body = vec![b'x'; 10_000];
    let signers = SECRETS.map(|text| Signer::new(&secret(text)));
    let four = Verifier::with_secrets(SECRETS.map(secret)).expect("four secrets");
    let wrong = format!(",v1={}", signers[0].v1(NOW, b"another body"));
    for signer in &signers {
        let right = format!("t={NOW}{},v1={}", wrong.repeat(7), signer.v1(NOW, &body));
        let info = measure(|| {
            assert!(four.verify(&right, &body, NOW).is_ok());
            assert!(four.verify(&right, b"a third body", NOW).is_err());
            assert!(four.verify(&right, &body, NOW + 301).is_err());
        });
        assert_eq!(info.count_total, 0, "{info:?}");
    }
}

#[cfg(feature = "schemes")]
mod schemes {
    use allocation_counter::AllocationInfo;
    use nevent_webhooks::scheme::{Encoding, Hash, Scheme};
    use nevent_webhooks::{Secret, Verified, VerifyError};

    use super::*;

    /// One genuine delivery, in two pieces, with the headers of the signer.
    fn verify<T, K>(
        verifier: &Verifier<T, K>,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<Verified, VerifyError> {
        let mut verification = verifier.begin_request(|wanted| {
            let lines = headers.iter().filter(move |(name, _)| *name == wanted);
            lines.map(|(_, value)| value.as_bytes())
        })?;
        let (first, last) = body.split_at(body.len() / 2);
        verification.update(first);
        verification.update(last);
        verification.finish(NOW)
    }

    /// What the verification of a genuine delivery allocates, and that of a forged one.
    fn allocations<T, K>(
        verifier: &Verifier<T, K>,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> [AllocationInfo; 2] {
        let genuine = measure(|| assert!(verify(verifier, headers, body).is_ok()));
        let forged = measure(|| assert!(verify(verifier, headers, b"another body").is_err()));
        [genuine, forged]
    }

    #[test]
    fn a_time_in_its_own_header_allocates_nothing() {
        let (secret, body) = (secret(SECRET), vec![b'x'; 100_000]);
        let headers = Scheme::slack().signer(&secret).headers("", NOW, &body);
        for info in allocations(&Scheme::slack().verifier(secret), &headers, &body) {
            assert_eq!(info.count_total, 0, "{info:?}");
        }
    }

    #[test]
    fn no_time_allocates_nothing() {
        let (secret, body) = (secret(SECRET), vec![b'x'; 100_000]);
        for scheme in [Scheme::github(), Scheme::meta(), Scheme::shopify()] {
            let headers = scheme.signer(&secret).headers("1", &body);
            for info in allocations(&scheme.verifier(secret.clone()), &headers, &body) {
                assert_eq!(info.count_total, 0, "{scheme:?}: {info:?}");
            }
        }
    }

    /// The id: its bytes, and the two counters of its `Arc`.
    #[test]
    fn a_signed_id_allocates_once() {
        let secret = Secret::from_base64("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let (scheme, body) = (Scheme::standard_webhooks(), vec![b'x'; 100_000]);
        let headers = scheme.signer(&secret).headers("msg_1", NOW, &body);
        for info in allocations(&scheme.verifier(secret), &headers, &body) {
            assert_eq!(info.count_total, 1, "{info:?}");
            assert!(info.bytes_total <= 32, "{info:?}");
        }
    }

    /// The box with the running MACs and the digests, which are larger than those of SHA-256.
    #[test]
    fn sha512_allocates_once() {
        let (secret, body) = (secret(SECRET), vec![b'x'; 100_000]);
        let builder = Scheme::hmac(Hash::Sha512, "x-signature").encoding(Encoding::Base64);
        let scheme = builder.signed_time("x-time", ".").build().expect("a scheme");
        let headers = scheme.signer(&secret).headers("", NOW, &body);
        for info in allocations(&scheme.verifier(secret), &headers, &body) {
            assert_eq!(info.count_total, 1, "{info:?}");
            assert!(info.bytes_total <= 3072, "{info:?}");
        }
    }
}
