//! One-shot verification beside what people write by hand and the crates of others, from empty bodies
//! to 1 MiB:
//!
//! ```sh
//! cargo run --release --bin verification -- --save # writes BENCHMARKS.md; `--features peers` adds other crates
//! cargo run --release --bin verification -- repeat "nevent, one secret" 1024 3000
//! ```
//!
//! With `repeat` it runs one contestant this often, for a profiler.

use std::env;
use std::hint::black_box;

use hmac::{Hmac, KeyInit, Mac};
use nevent_webhooks::{Secret, Signer, Verifier};
use nevent_webhooks_benches::deliveries::unix_seconds;
use nevent_webhooks_benches::peers;
use nevent_webhooks_benches::plot::{self, Axis, Line};
use nevent_webhooks_benches::rounds::{Contestant, Timing, compare, rounds};
use nevent_webhooks_benches::section::Section;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const SIZES: [usize; 7] = [0, 64, 256, 1 << 10, 4 << 10, 64 << 10, 1 << 20];
const ROUNDS: usize = 41;
const TOLERANCE: u64 = 300;
const SECRETS: [&str; 4] = [
    "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR",
    "whsec_0aVnD4bWmTzq7RsuPyXc1LfEh",
    "whsec_Zq8LwT3nXo5RbVy7KcPd2MgUs",
    "whsec_Fy6JhS1kPe9CtWx4NaQm7BvGi",
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [repeat, name, size, times] = &arguments[..]
        && repeat == "repeat"
    {
        let deliveries = deliveries(size.parse().expect("a number of bytes"));
        let mut contestants = contestants(&deliveries);
        let chosen = contestants.iter_mut().find(|contestant| contestant.name == name);
        (chosen.expect("a contestant's name").run)(times.parse().expect("a number of times"));
    } else {
        report();
    }
}

fn report() {
    let mut section = Section::new("verification");
    section.text(&format!("{} rounds.", rounds(ROUNDS)));
    let mut lines: Vec<Line> = Vec::new();
    for size in SIZES {
        let deliveries = deliveries(size);
        // About 400 µs for each turn.
        let times = u32::try_from(800_000 / (size + 800)).expect("few").max(1);
        let timings = compare(rounds(ROUNDS), times, &mut contestants(&deliveries));
        add_table(&mut section, size, &timings);
        if size > 0 {
            add_points(&mut lines, size, &timings);
        }
    }
    let (x, y) = (Axis::bytes("bytes of body"), Axis::plain("ns per byte"));
    let title = "Verification: nanoseconds per byte against the size of the body";
    section.plot("verification", title, plot::lines(title, x, y, &lines));
    section.finish();
}

fn add_table(section: &mut Section, size: usize, timings: &[Timing]) {
    let raw = timings.iter().find(|timing| timing.name == RAW).expect("a contestant");
    let row = |timing: &Timing| {
        [
            timing.name.to_owned(),
            format!("{:.0}", timing.nanos),
            format!("{:.2}", timing.ratio),
            format!("{:.2}", timing.against(raw)),
        ]
    };
    let head = [&*format!("{size} bytes"), "ns", "against the leanest", "against raw"];
    section.table(&head, timings.iter().map(row));
}

/// Adds a point to each line of the plot, in nanoseconds per byte.
fn add_points(lines: &mut Vec<Line>, size: usize, timings: &[Timing]) {
    let size = f64::from(u32::try_from(size).expect("a megabyte at most"));
    for name in PLOTTED {
        // Without the feature `peers` some are missing.
        let Some(timing) = timings.iter().find(|timing| timing.name == name) else { continue };
        let point = (size, timing.nanos.median / size);
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { name: name.to_owned(), points: vec![point] }),
        }
    }
}

/// The contestants of the plot.
const PLOTTED: [&str; 8] = [
    OURS,
    LEANEST,
    RAW,
    BY_HAND,
    "svix",
    "standardwebhooks",
    "async-stripe, signature alone",
    "webhook-verify",
];
const OURS: &str = "nevent, one secret";
const BY_HAND: &str = "by hand: `format!`, `hex::encode`";
const LEANEST: &str = "leanest: keyed `hmac`, `hex`, `subtle`";
const RAW: &str = "raw SHA-256 of the body";

/// The first is the yardstick.
fn contestants(deliveries: &[Delivery]) -> Vec<Contestant<'_>> {
    let keyed = Hmac::new_from_slice(SECRETS[0].as_bytes()).expect("any length");
    let [one, two, four, of_eight] = [1, 2, 4, 1].map(verifier);
    let oldest = Verifier::new(secret(SECRETS[3]));
    let new = |name, verify| contestant(deliveries, name, verify);
    let mut contestants = vec![
        new(LEANEST, Box::new(move |own| leanest(&keyed, &own.header, &own.body))),
        new(RAW, Box::new(|own| !black_box(Sha256::digest(&own.body)).is_empty())),
        new(BY_HAND, Box::new(|own| by_hand(&own.header, &own.body))),
        new(OURS, Box::new(move |own| own.is_genuine(&one))),
        new("nevent, two secrets", Box::new(move |own| own.is_genuine(&two))),
        new("nevent, four secrets", Box::new(move |own| own.is_genuine(&four))),
        new(
            "nevent, eight `v1`",
            Box::new(move |own| of_eight.verify(&own.eight, &own.body, unix_seconds()).is_ok()),
        ),
        new("nevent, wrong secret", Box::new(move |own| !own.is_genuine(&oldest))),
    ];
    contestants.extend(peers::verification(&deliveries[0].body));
    contestants
}

/// A contestant that has to come to `true` for each of the deliveries.
fn contestant<'a>(
    deliveries: &'a [Delivery],
    name: &'a str,
    verify: Box<dyn Fn(&Delivery) -> bool>,
) -> Contestant<'a> {
    let mut deliveries = deliveries.iter().cycle();
    Contestant::new(name, move |times| {
        for delivery in deliveries.by_ref().take(times as usize) {
            assert!(black_box(verify(delivery)));
        }
    })
}

/// A body, the header that its sender gives it, and one whose eighth digest is genuine.
struct Delivery {
    body: Vec<u8>,
    header: String,
    eight: String,
}

impl Delivery {
    /// Signed at another time than its neighbours, so that its digest differs even if it is empty.
    fn new(size: usize, number: u8) -> Self {
        let (body, time) = (vec![b'x'; size], unix_seconds() - i64::from(number % 64));
        let signer = Signer::new(&secret(SECRETS[0]));
        let header = signer.header(time, &body);
        let others = (0..7).map(|other| format!(",v1={}", signer.v1(other, &body)));
        let others = others.collect::<Vec<_>>().concat();
        let eight = format!("t={time}{others},v1={}", signer.v1(time, &body));
        Self { body, header, eight }
    }

    fn is_genuine(&self, verifier: &Verifier) -> bool {
        verifier.verify(&self.header, &self.body, unix_seconds()).is_ok()
    }
}

/// Up to 256 deliveries, which take turns: the processor would learn the digits of one.
fn deliveries(size: usize) -> Vec<Delivery> {
    let count = (1 << 18) / (size + 1024);
    (0..=u8::MAX).take(count.max(1)).map(|number| Delivery::new(size, number)).collect()
}

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

/// A verifier with the first secrets. Deliveries are signed with the first of all.
fn verifier(secrets: usize) -> Verifier {
    Verifier::with_secrets(SECRETS[..secrets].iter().map(|text| secret(text))).expect("secrets")
}

/// What a careful author writes who counts nanoseconds: it allocates nothing, and is keyed once.
fn leanest(keyed: &Hmac<Sha256>, header: &str, body: &[u8]) -> bool {
    let Some((time, digest)) = header.strip_prefix("t=").and_then(|rest| rest.split_once(','))
    else {
        return false;
    };
    let mut given = [0; 32];
    if hex::decode_to_slice(digest.strip_prefix("v1=").unwrap_or(""), &mut given).is_err() {
        return false;
    }
    let mut mac = keyed.clone();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let is_genuine: bool = mac.finalize().into_bytes().as_slice().ct_eq(&given).into();
    is_genuine && is_fresh(time)
}

/// What most people write.
fn by_hand(header: &str, body: &[u8]) -> bool {
    let items: Vec<(&str, &str)> =
        header.split(',').filter_map(|item| item.split_once('=')).collect();
    let value = |wanted| items.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let (Some(time), Some(digest)) = (value("t"), value("v1")) else { return false };
    let signed = format!("{time}.{}", String::from_utf8_lossy(body));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRETS[0].as_bytes()).expect("any length");
    mac.update(signed.as_bytes());
    let expected = hex::encode(mac.finalize().into_bytes());
    let is_genuine: bool = expected.as_bytes().ct_eq(digest.as_bytes()).into();
    is_genuine && is_fresh(time)
}

fn is_fresh(time: &str) -> bool {
    time.parse::<i64>().is_ok_and(|time| time.abs_diff(unix_seconds()) <= TOLERANCE)
}
