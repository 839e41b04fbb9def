//! That verification compares every digest with the MAC under every secret, all of their
//! bytes, and looks at none of the results before the last: the files that the library is
//! built with, with a `subtle` that counts. (That `subtle`'s own comparison takes the same
//! time whatever it finds is for `tests/timing` to measure.)

#![allow(dead_code, unused_imports, reason = "the library uses the rest")]
#![allow(missing_docs, missing_debug_implementations, reason = "for this test alone")]

extern crate self as subtle;

#[path = "../src/clock.rs"]
mod clock;
#[path = "../src/mac.rs"]
mod mac;
#[path = "../src/readable.rs"]
mod readable;
#[path = "../src/rejection.rs"]
mod rejection;
#[path = "../src/replay_key.rs"]
mod replay_key;
#[path = "../src/secret.rs"]
mod secret;
#[path = "../src/secret_text.rs"]
mod secret_text;
#[path = "../src/sign.rs"]
mod sign;
#[path = "../src/signature.rs"]
mod signature;
#[path = "../src/tolerance.rs"]
mod tolerance;
#[path = "../src/verify.rs"]
mod verify;

use std::cell::Cell;
use std::ops::{BitAnd, BitOr};

pub use clock::{Clock, SystemClock};
pub use nevent_webhooks::{BodyError, DeliveryId};
pub use rejection::Rejection;
pub use replay_key::ReplayKey;
pub use secret::Secret;
pub use sign::Signer;
pub use tolerance::Tolerance;
pub use verify::Verifier;

thread_local! {
    /// Comparisons of two digests.
    static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// As `subtle`'s, but nothing can be read from it: a branch on it does not compile.
#[derive(Clone, Copy)]
pub struct Choice(u8);

impl From<u8> for Choice {
    fn from(bit: u8) -> Self {
        Self(bit)
    }
}

impl BitOr for Choice {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Choice {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

pub trait ConstantTimeEq {
    fn ct_eq(&self, other: &Self) -> Choice;
}

impl ConstantTimeEq for [u8; 32] {
    fn ct_eq(&self, other: &Self) -> Choice {
        COMPARED.set(COMPARED.get() + 1);
        Choice(u8::from(self == other))
    }
}

impl ConstantTimeEq for u8 {
    fn ct_eq(&self, other: &Self) -> Choice {
        Choice(u8::from(self == other))
    }
}

pub trait ConditionallySelectable {
    fn conditional_assign(&mut self, other: &Self, choice: Choice);
}

impl ConditionallySelectable for u8 {
    fn conditional_assign(&mut self, other: &Self, choice: Choice) {
        if choice.0 == 1 {
            *self = *other;
        }
    }
}

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

/// How many comparisons it takes to judge a header with these digests, and the verdict.
fn judged(digests: &[&str]) -> (usize, bool) {
    let two = Verifier::new(secret(0)).or(secret(1)).expect("two secrets");
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
        assert_eq!(judged(&[first, second]), (4, genuine));
    }
}

/// One byte that is wrong takes as many comparisons as all of them, wherever it is.
#[test]
fn all_are_compared_wherever_the_first_difference_is() {
    let genuine = Signer::new(&secret(0)).v1(TIME, BODY);
    assert_eq!(judged(&[&genuine]), (2, true));
    for at in 0..genuine.len() {
        let other = if genuine.as_bytes()[at] == b'0' { "1" } else { "0" };
        let mut forged = genuine.clone();
        forged.replace_range(at..=at, other);
        assert_eq!(judged(&[&forged]), (2, false), "digit {at}");
    }
}
