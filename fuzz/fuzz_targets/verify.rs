//! Genuine deliveries under any scheme, and the same with something changed, against an
//! HMAC of our own.
#![no_main]

use std::num::NonZeroU8;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use nevent_webhooks::{Tolerance, Verified, VerifyError};
use nevent_webhooks_fuzz::frames::split;
use nevent_webhooks_fuzz::library::{AnyVerifier, Library, Secrets};
use nevent_webhooks_fuzz::scheme::{Grammar, Key, Parts};
use nevent_webhooks_fuzz::{hex, hmac_sha256};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    scheme: [u8; 6],
    id: [u8; 4],
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
    Id([u8; 4]),
    Longer(u8),
    Shorter,
}

/// A delivery as it is sent.
#[derive(Clone)]
struct Delivery {
    parts: Parts,
    id: String,
    t: i64,
    digests: Vec<Vec<u8>>,
    body: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let Input { scheme, t, body, .. } = input;
    let parts = Parts::chosen(scheme);
    let Some(key) = usable(parts.key, input.secret) else { return };
    let id = hex(&input.id);
    let digests = vec![parts.digest(&key, &id, t, body)];
    let genuine = Delivery { parts, id, t, digests, body: body.to_vec() };

    the_library_signs_the_same(&genuine, &key);
    genuine_is_accepted(&genuine, &key, &input);
    changed_is_refused(&genuine, &key, &input);
    during_a_rotation_both_secrets_count(&genuine, &key, &input);
    time_is_judged_to_the_second(&genuine, &key, &input);
});

fn the_library_signs_the_same(genuine: &Delivery, key: &[u8]) {
    let signer = library(genuine.parts, &[("primary", key)], any_time()).unwrap().signer;
    assert_eq!(signer.headers(&genuine.id, genuine.t, &genuine.body), genuine.headers());
}

fn genuine_is_accepted(genuine: &Delivery, key: &[u8], input: &Input) {
    let library = library(genuine.parts, &[("primary", key)], any_time()).unwrap();
    let verified = genuine.verdict(&*library.verifier, input).unwrap();
    let is_timed = genuine.parts.place().is_some();
    assert_eq!(verified.timestamp(), is_timed.then_some(input.t));
    assert_eq!(verified.age(), is_timed.then(|| input.now.saturating_sub(input.t)));
    let signed_id = genuine.parts.signs_id().then_some(&*genuine.id);
    assert_eq!(verified.signed_id(), signed_id);
}

/// As forged, not as stale, whatever the time.
fn changed_is_refused(genuine: &Delivery, key: &[u8], input: &Input) {
    let changed = genuine.changed(&input.change);
    let library = library(genuine.parts, &[("primary", key)], Tolerance::default()).unwrap();
    if changed.is_signed_as(genuine) {
        return;
    }
    let verdict = changed.verdict(&*library.verifier, input);
    assert_eq!(verdict.unwrap_err(), VerifyError::InvalidSignature);
}

fn during_a_rotation_both_secrets_count(genuine: &Delivery, key: &[u8], input: &Input) {
    let parts = genuine.parts;
    let Some(other) = usable(parts.key, &input.other_secret) else { return };
    let other_digest = parts.digest(&other, &genuine.id, genuine.t, &genuine.body);
    // Other bytes can be the same key: HMAC pads `a` and `a\0` alike, as far as its block goes.
    let is_same_digest = other_digest == genuine.digests[0];
    let is_same_secret = hmac_sha256(&other, b"") == hmac_sha256(key, b"");

    let alone = library(parts, &[("other", &other)], any_time()).unwrap();
    assert_eq!(genuine.verdict(&*alone.verifier, input).is_ok(), is_same_digest);

    let both = library(parts, &[("other", &other), ("primary", key)], any_time());
    assert_eq!(both.is_none(), is_same_secret, "a secret is taken once");
    let Some(both) = both else { return };
    let verified = genuine.verdict(&*both.verifier, input).unwrap();
    assert_eq!(verified.secret_name(), if is_same_digest { "other" } else { "primary" });
    let replay_keys = verified.replay_keys().iter().map(|key| key.to_bytes());
    assert!(replay_keys.eq([&other_digest, &genuine.digests[0]].map(|digest| half(digest))));

    if !matches!(parts.grammar, Grammar::Bare(_)) {
        let mut twice_signed = genuine.clone();
        twice_signed.digests.push(other_digest);
        let verified = twice_signed.verdict(&*both.verifier, input).unwrap();
        assert_eq!(verified.secret_name(), "other");
    }
}

fn time_is_judged_to_the_second(genuine: &Delivery, key: &[u8], input: &Input) {
    let Input { past, future, .. } = *input;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let tolerance = Tolerance::dangerously_allow_long(seconds(past), seconds(future));
    let library = library(genuine.parts, &[("primary", key)], tolerance).unwrap();
    let is_timed = genuine.parts.place().is_some();

    // Wide enough for the sums; what a clock cannot show is left out.
    let t = i128::from(input.t);
    let (first, last) = (t - i128::from(future), t + i128::from(past));
    for now in [first - 1, first, last, last + 1, input.now.into()] {
        let Ok(clock) = i64::try_from(now) else { continue };
        match genuine.in_frames(&*library.verifier, &[&genuine.body], clock) {
            Ok(_) => assert!(!is_timed || (first..=last).contains(&now)),
            Err(VerifyError::TimestampTooOld { .. }) => assert!(is_timed && now > last),
            Err(VerifyError::TimestampTooNew { .. }) => assert!(is_timed && now < first),
            Err(other) => panic!("genuine, but {other:?}"),
        }
    }
}

/// Any key but none is one, if it is text. Base64 stands for at least 24 bytes, and not for the
/// same few again and again: then their MAC is the key.
fn usable(kind: Key, key: &[u8]) -> Option<Vec<u8>> {
    let is_usable = Secrets::new(kind, &[("any", key)]).is_ok();
    match kind {
        _ if is_usable => Some(key.to_vec()),
        Key::Base64 => Some(hmac_sha256(key, b"").to_vec()),
        Key::Text => {
            assert!(key.is_empty());
            None
        }
    }
}

/// `None` if two of the keys are the same.
fn library(parts: Parts, keys: &[(&str, &[u8])], tolerance: Tolerance) -> Option<Library> {
    let secrets = Secrets::new(parts.key, keys).unwrap();
    Library::new(&parts, &secrets, tolerance).ok()
}

fn any_time() -> Tolerance {
    Tolerance::dangerously_allow_long(Duration::MAX, Duration::MAX)
}

impl Delivery {
    fn headers(&self) -> Vec<(&'static str, String)> {
        let digests: Vec<_> = self.digests.iter().map(Vec::as_slice).collect();
        self.parts.headers(&self.id, self.t, &digests)
    }

    /// On the body in one piece, having made sure that frames get the same.
    fn verdict(&self, verifier: &dyn AnyVerifier, input: &Input) -> Result<Verified, VerifyError> {
        let whole = self.in_frames(verifier, &[&self.body], input.now);
        let frames = split(&self.body, input.frame_lengths);
        assert_eq!(summary(&whole), summary(&self.in_frames(verifier, &frames, input.now)));
        whole
    }

    fn in_frames(
        &self,
        verifier: &dyn AnyVerifier,
        frames: &[&[u8]],
        now: i64,
    ) -> Result<Verified, VerifyError> {
        let headers = self.headers();
        let mut verification = verifier.begin_request(&|wanted| {
            let lines = headers.iter().filter(|(name, _)| *name == wanted);
            lines.map(|(_, value)| value.as_bytes()).collect()
        })?;
        for frame in frames {
            verification.update(frame);
        }
        verification.finish(now)
    }

    fn changed(&self, change: &Change) -> Self {
        let mut changed = self.clone();
        match *change {
            Change::Body { at, by } => flip(&mut changed.body, at, by),
            Change::Digest { at, by } => flip(&mut changed.digests[0], at, by),
            Change::Time(t) => changed.t = t,
            Change::Id(id) => changed.id = hex(&id),
            Change::Longer(by) => changed.body.push(by),
            Change::Shorter => drop(changed.body.pop()),
        }
        changed
    }

    /// Whether nothing differs that the signature covers, nor the signature.
    fn is_signed_as(&self, other: &Self) -> bool {
        let is_timed = self.parts.place().is_some();
        let same_time = self.t == other.t || !is_timed;
        let same_id = self.id == other.id || !self.parts.signs_id();
        same_time && same_id && self.digests == other.digests && self.body == other.body
    }
}

/// All that is known of a genuine delivery.
type Facts = (Option<i64>, Option<i64>, Option<String>, String, Vec<[u8; 16]>);

fn summary(verdict: &Result<Verified, VerifyError>) -> Result<Facts, VerifyError> {
    let verified = verdict.as_ref().map_err(Clone::clone)?;
    let replay_keys = verified.replay_keys().iter().map(|key| key.to_bytes()).collect();
    let id = verified.signed_id().map(ToOwned::to_owned);
    let secret_name = verified.secret_name().to_owned();
    Ok((verified.timestamp(), verified.age(), id, secret_name, replay_keys))
}

fn flip(bytes: &mut [u8], at: u16, by: NonZeroU8) {
    let at = usize::from(at) % bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= by.get();
    }
}

/// What of a digest identifies a replay.
fn half(digest: &[u8]) -> [u8; 16] {
    std::array::from_fn(|n| digest[n])
}

fn non_negative(input: &mut Unstructured) -> arbitrary::Result<i64> {
    input.int_in_range(0..=i64::MAX)
}
