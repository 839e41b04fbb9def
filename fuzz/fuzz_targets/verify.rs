//! Genuine deliveries, and the same with something changed, against an HMAC of
//! our own.
#![no_main]

use std::num::NonZeroU8;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use nevent_webhooks::{Secret, Signer, Tolerance, Verified, Verifier, VerifyError};
use nevent_webhooks_fuzz::{digest, hex};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    #[arbitrary(with = non_negative)]
    t: i64,
    now: i64,
    past: u32,
    future: u32,
    change: Change,
    frame_lengths: [u8; 4],
    other_secret: [u8; 4],
    secret: &'a [u8],
    body: &'a [u8],
}

/// What a forger, or a proxy, may do to a delivery.
#[derive(Debug, Arbitrary)]
enum Change {
    Body { at: u16, by: NonZeroU8 },
    Digest { at: u16, by: NonZeroU8 },
    Time(#[arbitrary(with = non_negative)] i64),
    Longer(u8),
    Shorter,
}

/// A delivery as it is sent.
#[derive(Clone, PartialEq)]
struct Delivery {
    t: i64,
    digest: [u8; 32],
    body: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let Ok(secret) = Secret::dangerously_allow_weak(input.secret) else { return };
    let Input { t, body, .. } = input;
    let genuine = Delivery { t, digest: digest(input.secret, t, body), body: body.to_vec() };

    assert_eq!(Signer::new(&secret).header(t, body), genuine.header());
    genuine_is_accepted(&genuine, &secret, &input);
    changed_is_refused(&genuine, &secret, &input);
    during_a_rotation_both_secrets_count(&genuine, &secret, &input);
    time_is_judged_to_the_second(&genuine, &secret, &input);
});

fn genuine_is_accepted(genuine: &Delivery, secret: &Secret, input: &Input) {
    let verified = genuine.verdict(&at_any_time(secret), input).unwrap();
    assert_eq!(verified.timestamp(), input.t);
    assert_eq!(verified.age(), input.now.saturating_sub(input.t));
}

/// As forged, not as stale, whatever the time.
fn changed_is_refused(genuine: &Delivery, secret: &Secret, input: &Input) {
    let changed = genuine.changed(&input.change);
    if changed != *genuine {
        let verdict = changed.verdict(&Verifier::new(secret.clone()), input);
        assert_eq!(verdict.unwrap_err(), VerifyError::InvalidSignature);
    }
}

fn during_a_rotation_both_secrets_count(genuine: &Delivery, secret: &Secret, input: &Input) {
    let other = Secret::dangerously_allow_weak(input.other_secret).unwrap().named("other");
    let other_digest = digest(&input.other_secret, genuine.t, &genuine.body);
    // Other bytes can be the same key: HMAC pads `a` and `a\0` alike.
    let same_key = other_digest == genuine.digest;

    let alone = at_any_time(&other);
    assert_eq!(genuine.verdict(&alone, input).is_ok(), same_key);

    let both = Verifier::with_secrets([other, secret.clone()]);
    assert_eq!(both.is_err(), same_key, "a secret is taken once");
    let Ok(both) = both.map(|both| both.tolerance(any_time())) else { return };
    let verified = genuine.verdict(&both, input).unwrap();
    assert_eq!(verified.secret_name(), secret.name());
    let replay_keys = verified.replay_keys().iter().map(|key| key.to_bytes());
    assert!(replay_keys.eq([other_digest, genuine.digest].map(half)));

    let twice_signed = format!("{},v1={}", genuine.header(), hex(&other_digest));
    let verified = both.verify(twice_signed, &genuine.body, input.now).unwrap();
    assert_eq!(verified.secret_name(), "other");
}

fn time_is_judged_to_the_second(genuine: &Delivery, secret: &Secret, input: &Input) {
    let Input { past, future, .. } = *input;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let tolerance = Tolerance::dangerously_allow_long(seconds(past), seconds(future));
    let verifier = Verifier::new(secret.clone()).tolerance(tolerance);

    // Wide enough for the sums; what a clock cannot show is left out.
    let t = i128::from(input.t);
    let (first, last) = (t - i128::from(future), t + i128::from(past));
    for now in [first - 1, first, last, last + 1, input.now.into()] {
        let Ok(clock) = i64::try_from(now) else { continue };
        match verifier.verify(genuine.header(), &genuine.body, clock) {
            Ok(_) => assert!((first..=last).contains(&now)),
            Err(VerifyError::TimestampTooOld { .. }) => assert!(now > last),
            Err(VerifyError::TimestampTooNew { .. }) => assert!(now < first),
            Err(other) => panic!("genuine, but {other:?}"),
        }
    }
}

fn at_any_time(secret: &Secret) -> Verifier {
    Verifier::new(secret.clone()).tolerance(any_time())
}

fn any_time() -> Tolerance {
    Tolerance::dangerously_allow_long(Duration::MAX, Duration::MAX)
}

impl Delivery {
    fn header(&self) -> String {
        format!("t={},v1={}", self.t, hex(&self.digest))
    }

    /// On the body in one piece, having made sure that frames get the same.
    fn verdict(&self, verifier: &Verifier, input: &Input) -> Result<Verified, VerifyError> {
        let whole = verifier.verify(self.header(), &self.body, input.now);
        let mut verification = verifier.begin([self.header().as_bytes()])?;
        for frame in frames(&self.body, input.frame_lengths) {
            verification.update(frame);
        }
        assert_eq!(summary(&whole), summary(&verification.finish(input.now)));
        whole
    }

    fn changed(&self, change: &Change) -> Self {
        let mut changed = self.clone();
        match *change {
            Change::Body { at, by } => flip(&mut changed.body, at, by),
            Change::Digest { at, by } => flip(&mut changed.digest, at, by),
            Change::Time(t) => changed.t = t,
            Change::Longer(by) => changed.body.push(by),
            Change::Shorter => drop(changed.body.pop()),
        }
        changed
    }
}

/// All that is known of a genuine delivery.
type Facts = (i64, i64, String, Vec<[u8; 16]>);

fn summary(verdict: &Result<Verified, VerifyError>) -> Result<Facts, VerifyError> {
    let verified = verdict.as_ref().map_err(Clone::clone)?;
    let replay_keys = verified.replay_keys().iter().map(|key| key.to_bytes()).collect();
    let secret_name = verified.secret_name().to_owned();
    Ok((verified.timestamp(), verified.age(), secret_name, replay_keys))
}

/// Frames of these lengths, as far as the body goes, and one with the rest.
fn frames(body: &[u8], lengths: [u8; 4]) -> Vec<&[u8]> {
    let mut rest = body;
    let mut frames = Vec::new();
    for length in lengths {
        let (frame, after) = rest.split_at(rest.len().min(length.into()));
        frames.push(frame);
        rest = after;
    }
    frames.push(rest);
    frames
}

fn flip(bytes: &mut [u8], at: u16, by: NonZeroU8) {
    let at = usize::from(at) % bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= by.get();
    }
}

/// What of a digest identifies a replay.
fn half(digest: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|n| digest[n])
}

fn non_negative(input: &mut Unstructured) -> arbitrary::Result<i64> {
    input.int_in_range(0..=i64::MAX)
}
