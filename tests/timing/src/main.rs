//! See `Cargo.toml`.

use std::hint::black_box;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dudect_bencher::{BenchRng, Class, CtRunner, ctbench_main};
use nevent_webhooks::scheme::{Encoding, Hash, Scheme};
use nevent_webhooks::{Secret, Signer, Verifier};
use rand::RngExt;
use subtle::{Choice, ConstantTimeEq};

#[path = "../../support/secrets.rs"]
mod secrets;

use secrets::{OTHER_SECRET, SECRET, secret, signer};

const BODY: &[u8] =
    br#"{"id":"evt_1","type":"fan.created","created":1,"data":{},"organization_id":"o"}"#;

ctbench_main!(
    comparison_right_or_wrong,
    comparison_wrong_early_or_late,
    verify_wrong_early_or_late,
    verify_wrong_in_one_byte_or_in_all,
    verify_first_or_last_digest_right,
    verify_first_or_last_secret_right,
    verify_sha512_in_base64_wrong_early_or_late,
    told_by_memory_one_secret_or_the_other,
    told_by_the_answer_right_but_late_or_wrong,
    control_of_slices_wrong_early_or_late,
    control_of_equality_of_large_slices
);

/// Random bytes, and the same with the byte at `wrong` changed, if any.
fn pair(rng: &mut BenchRng, wrong: Option<usize>) -> ([u8; 32], [u8; 32]) {
    let one: [u8; 32] = rng.random();
    let mut other = one;
    if let Some(at) = wrong {
        other[at] ^= 0x55;
    }
    (one, other)
}

/// Times `run` on what `input` makes of each class, in random order.
fn measure<I, T>(
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    input: impl Fn(&mut BenchRng, bool) -> I,
    run: impl Fn(&I) -> T,
) {
    let samples = std::env::var("SAMPLES").map_or(1_000_000, |n| n.parse().expect("a number"));
    // In parts, so that a sample's input is in the cache when it is its turn.
    for _ in 0..samples / 1000 {
        let inputs: Vec<_> = (0..1000)
            .map(|_| {
                let left = rng.random::<bool>();
                (if left { Class::Left } else { Class::Right }, input(rng, left))
            })
            .collect();
        for (class, input) in inputs {
            runner.run_one(class, || black_box(run(black_box(&input))));
        }
    }
}

/// The comparison that the library makes: `subtle`'s, of 32 bytes as words.
fn equal((one, other): &([u8; 32], [u8; 32])) -> Choice {
    words(one).ct_eq(&words(other))
}

fn words(digest: &[u8; 32]) -> [u64; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(digest.as_chunks().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

fn comparison_right_or_wrong(runner: &mut CtRunner, rng: &mut BenchRng) {
    let digests = |rng: &mut BenchRng, left: bool| pair(rng, (!left).then_some(0));
    measure(runner, rng, digests, equal);
}

fn comparison_wrong_early_or_late(runner: &mut CtRunner, rng: &mut BenchRng) {
    let digests = |rng: &mut BenchRng, left: bool| pair(rng, Some(if left { 0 } else { 31 }));
    measure(runner, rng, digests, equal);
}

/// Both classes are refused with the same answer, so only time could tell a forger anything. (An
/// accepted request goes on to further checks, which everyone can see.)
fn verify_wrong_early_or_late(runner: &mut CtRunner, rng: &mut BenchRng) {
    verify(runner, rng, 0, |_, left, digest| digest[if left { 0 } else { 31 }] ^= 0x55);
}

fn verify_wrong_in_one_byte_or_in_all(runner: &mut CtRunner, rng: &mut BenchRng) {
    verify(runner, rng, 0, |rng, left, digest| {
        if left {
            digest[31] ^= 0x55;
        } else {
            *digest = rng.random();
        }
    });
}

/// Accepted both times: which one it was, nobody need know.
fn verify_first_or_last_digest_right(runner: &mut CtRunner, rng: &mut BenchRng) {
    let (signer, verifier) = (signer(), Verifier::new(secret(SECRET)));
    let header = |rng: &mut BenchRng, left: bool| {
        let t = i64::from(rng.random::<u32>());
        let (right, wrong) = (signer.v1(t, BODY), hex(&rng.random::<[u8; 32]>()));
        let (first, last) = if left { (right, wrong) } else { (wrong, right) };
        (format!("t={t},v1={first},v1={last}"), t)
    };
    measure(runner, rng, header, |(header, t)| verifier.verify(header, BODY, *t).is_ok());
}

/// Each of two secrets is the first for one verifier and the last for another: what is
/// theirs alone, a name and a counter at an address of their own, is in both classes alike.
fn verify_first_or_last_secret_right(runner: &mut CtRunner, rng: &mut BenchRng) {
    let (signers, verifiers) = two_secrets();
    let header = |rng: &mut BenchRng, left: bool| {
        let (t, signer) = (i64::from(rng.random::<u32>()), usize::from(rng.random::<bool>()));
        let verifier = if left { signer } else { 1 - signer };
        (signers[signer].header(t, BODY), t, verifier)
    };
    measure(runner, rng, header, |(header, t, verifier)| {
        verifiers[*verifier].verify(header, BODY, *t).is_ok()
    });
}

/// Digests of 64 bytes, and a header that is decoded with a table.
fn verify_sha512_in_base64_wrong_early_or_late(runner: &mut CtRunner, rng: &mut BenchRng) {
    let builder = Scheme::hmac(Hash::Sha512, "x-signature").encoding(Encoding::Base64);
    let scheme = builder.items_with_time("t", "v1", ".").build().expect("a scheme");
    let (signer, verifier) = (scheme.signer(&secret(SECRET)), scheme.verifier(secret(SECRET)));
    let header = |rng: &mut BenchRng, left: bool| {
        let t = i64::from(rng.random::<u32>());
        let (_, header) = signer.headers("", t, BODY).remove(0);
        let (before, digits) = header.split_once("v1=").expect("a digest");
        let mut digest = STANDARD.decode(digits).expect("base64");
        digest[if left { 0 } else { 63 }] ^= 0x55;
        (format!("{before}v1={}", STANDARD.encode(digest)), t)
    };
    measure(runner, rng, header, |(header, t)| verifier.verify(header, BODY, *t).is_ok());
}

/// After all comparisons the name and the counter of the secret that matched are looked up
/// where they are. The signer knows with which secret.
fn told_by_memory_one_secret_or_the_other(runner: &mut CtRunner, rng: &mut BenchRng) {
    let (signers, [verifier, _]) = two_secrets();
    let header = |rng: &mut BenchRng, left: bool| {
        let t = i64::from(rng.random::<u32>());
        (signers[usize::from(!left)].header(t, BODY), t)
    };
    measure(runner, rng, header, |(header, t)| verifier.verify(header, BODY, *t).is_ok());
}

/// Two signers, and two verifiers that know both secrets: each has another one first.
fn two_secrets() -> ([Signer; 2], [Verifier; 2]) {
    let one = secret(SECRET);
    let other = secret(OTHER_SECRET).named("other");
    let verifier = |first: &Secret, last: &Secret| {
        Verifier::with_secrets([first, last].map(Secret::clone)).expect("two secrets")
    };
    let verifiers = [verifier(&one, &other), verifier(&other, &one)];
    ([&one, &other].map(Signer::new), verifiers)
}

/// Refused both times, for one reason or the other: a branch after all comparisons, which
/// the answer tells as well.
fn told_by_the_answer_right_but_late_or_wrong(runner: &mut CtRunner, rng: &mut BenchRng) {
    verify(runner, rng, 1000, |rng, left, digest| {
        if !left {
            *digest = rng.random();
        }
    });
}

fn verify(
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    age: i64,
    spoil: impl Fn(&mut BenchRng, bool, &mut [u8; 32]),
) {
    let (signer, verifier) = (signer(), Verifier::new(secret(SECRET)));
    let header = |rng: &mut BenchRng, left: bool| {
        let t = i64::from(rng.random::<u32>());
        let mut digest = unhex(&signer.v1(t, BODY));
        spoil(rng, left, &mut digest);
        (format!("t={t},v1={}", hex(&digest)), t + age)
    };
    measure(runner, rng, header, |(header, now)| verifier.verify(header, BODY, *now).is_ok());
}

/// Must be noticed, or the others would say nothing.
fn control_of_slices_wrong_early_or_late(runner: &mut CtRunner, rng: &mut BenchRng) {
    let digests = |rng: &mut BenchRng, left: bool| pair(rng, Some(if left { 0 } else { 31 }));
    // By hand: of `==` on 32 bytes the compiler makes one comparison of wide words.
    measure(runner, rng, digests, |(one, other)| {
        one.iter().zip(other).all(|(one, other)| black_box(one) == black_box(other))
    });
}

/// `==` itself, on slices that are too long for one comparison of wide words.
fn control_of_equality_of_large_slices(runner: &mut CtRunner, rng: &mut BenchRng) {
    let right = [7; 4096];
    let slices = |_: &mut BenchRng, left: bool| {
        let mut wrong = right;
        wrong[if left { 0 } else { 4095 }] = 8;
        wrong
    };
    measure(runner, rng, slices, |wrong| black_box(&right[..]) == black_box(&wrong[..]));
}

fn hex(bytes: &[u8]) -> String {
    let digit = |digit: u8| char::from_digit(digit.into(), 16).expect("a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(digits: &str) -> [u8; 32] {
    std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hex"))
}
