//! Verification compares every digest with the MAC under every secret, and reads no result before the
//! last comparison. `tests/timing` measures that the time of a comparison does not depend on its
//! result.

use super::super::constant_time::COMPARED;
use super::*;
use crate::Signer;

const SECRETS: [&str; 3] = [
    "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR",
    "whsec_0aVnD4bWmTzq7RsuPyXc1LfEh",
    "whsec_Zq8LwT3nXo5RbVy7KcPd2MgUs",
];
const BODY: &[u8] = b"{}";
const TIME: i64 = 1_640_995_200;

fn secret(number: usize) -> Secret {
    Secret::new(SECRETS[number]).expect("a secret")
}

/// The number of comparisons for a header with these digests, and whether it is genuine.
fn check(digests: &[&str]) -> (usize, bool) {
    let two = Verifier::with_secrets([secret(0), secret(1)]).expect("two secrets");
    let header = format!("t={TIME},v1={}", digests.join(",v1="));
    COMPARED.set(0);
    let genuine = two.verify(header, BODY, TIME).is_ok();
    (COMPARED.get(), genuine)
}

#[test]
fn all_are_compared_whichever_matches() {
    let [current, previous, unknown] = [0, 1, 2].map(|n| Signer::new(&secret(n)).v1(TIME, BODY));
    for (first, second, genuine) in [
        (&current, &unknown, true),
        (&unknown, &current, true),
        (&current, &previous, true),
        (&previous, &current, true),
        (&previous, &unknown, true),
        (&unknown, &previous, true),
        (&current, &current, true),
        (&unknown, &unknown, false),
    ] {
        assert_eq!(check(&[first, second]), (4, genuine));
    }
}

/// A single wrong byte takes as many comparisons as any other digest, wherever the byte is.
#[test]
fn all_are_compared_wherever_the_first_difference_is() {
    let genuine = Signer::new(&secret(0)).v1(TIME, BODY);
    assert_eq!(check(&[&genuine]), (2, true));
    for at in 0..genuine.len() {
        let other = if genuine.as_bytes()[at] == b'0' { "1" } else { "0" };
        let mut forged = genuine.clone();
        forged.replace_range(at..=at, other);
        assert_eq!(check(&[&forged]), (2, false), "digit {at}");
    }
}
