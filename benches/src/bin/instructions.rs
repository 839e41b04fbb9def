//! Counts the instructions of the hot paths, and compares them with `instructions.txt`:
//!
//! ```sh
//! cargo run --release --bin instructions            # fails if one grew by more than 5 %
//! cargo run --release --bin instructions -- --save  # writes the file anew
//! ```
//!
//! Each path runs under callgrind, 1,000 times and 3,000 times. The difference, divided by 2,000, is
//! what one run costs. With the feature `metrics` the layers count and measure into an exporter. From that the cost of the yardstick is subtracted: the same MAC over the same
//! bytes, and a bare axum where the path is a layer's. Callgrind knows no SHA extensions, so the hash
//! alone would hide what the library adds.

use std::env;
use std::fs;
use std::future::Future;
use std::hint::black_box;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Command, ExitCode, Stdio};
use std::task::{Context, Poll, Waker};

use axum::Router;
use hmac::{Hmac, KeyInit, Mac};
use nevent_webhooks::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, MemoryStore, Scope, SharedStore,
};
use nevent_webhooks::{DeliveryId, Event, EventData, ReplayKey, Secret, Store, Verifier};
use nevent_webhooks_benches::deliveries::{SECRET, Signed, secret, sign, unix_seconds};
use nevent_webhooks_benches::receivers::Receiver;
use sha2::Sha256;
use tower::Service;

/// The greatest growth that is accepted, in percent.
const LIMIT: i64 = 5;

/// A path: its name, what runs, and the yardstick.
const PATHS: [(&str, Run, Run); 9] = [
    ("one-shot verification, 64 bytes", |n| verify(n, 64, 1), |n| macs(n, 64, 1)),
    ("one-shot verification, 1 KiB", |n| verify(n, 1024, 1), |n| macs(n, 1024, 1)),
    ("one-shot verification, 1 KiB, two secrets", |n| verify(n, 1024, 2), |n| macs(n, 1024, 2)),
    ("memory store, claim and completion", store, make_claims),
    ("reading a purchase", read_event, nothing),
    ("in process, VerifyLayer", |n| receive(n, Receiver::VerifyOnly), bare_and_mac),
    ("in process, both layers", |n| receive(n, Receiver::BothLayers), bare_and_mac),
    ("in process, the floor", |n| receive(n, Receiver::Floor), bare_and_mac),
    ("in process, written by hand", |n| receive(n, Receiver::ByHand), bare_and_mac),
];

type Run = fn(u32);

/// How often each path runs. An exporter measures its clock at the start, for a time that varies: more
/// runs make that small.
const TIMES: [u32; 2] = if cfg!(feature = "metrics") { [1000, 21_000] } else { [1000, 3000] };

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["run", path, side, times] => {
            install_exporter();
            let (_, run, yardstick) = PATHS[path.parse::<usize>().expect("a number")];
            let run = if side == "path" { run } else { yardstick };
            run(times.parse().expect("a number"));
            ExitCode::SUCCESS
        }
        ["--save"] => {
            let lines = PATHS.iter().zip(counts()).map(|((name, ..), count)| line(name, count));
            fs::write(file(), lines.collect::<String>()).expect("a writable file");
            ExitCode::SUCCESS
        }
        [] => check(),
        _ => panic!("usage: instructions [--save]"),
    }
}

/// With the feature `metrics`, the layers count and measure into this exporter. Their counts are then
/// above those of the file by what that costs.
fn install_exporter() {
    #[cfg(feature = "metrics")]
    metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(&[0.001, 0.01, 0.1, 1.0, 10.0])
        .and_then(metrics_exporter_prometheus::PrometheusBuilder::install_recorder)
        .expect("the only exporter");
}

fn check() -> ExitCode {
    let known = fs::read_to_string(file()).expect("instructions.txt, which --save writes");
    let known = |name: &str| {
        let line = known.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|count| count.parse::<i64>().ok())
    };
    let mut exit = ExitCode::SUCCESS;
    for ((name, ..), count) in PATHS.iter().zip(counts()) {
        let known = known(name).unwrap_or_else(|| panic!("instructions.txt has no \"{name}\""));
        let percent = (count - known) * 100 / known.max(1);
        print!("{} ({percent:+} %)", line(name, count).trim_end());
        if count * 100 > known * (100 + LIMIT) {
            print!("  GREW: find the cause, or accept it with --save and say why");
            exit = ExitCode::FAILURE;
        }
        println!();
    }
    exit
}

fn line(name: &str, count: i64) -> String {
    format!("{name}: {count}\n")
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

/// The instructions of each path beyond its yardstick.
fn counts() -> impl Iterator<Item = i64> {
    (0..PATHS.len()).map(|path| each(path, "path") - each(path, "yardstick"))
}

fn each(path: usize, side: &str) -> i64 {
    let [few, many] = TIMES.map(|times| under_callgrind(path, side, times));
    (many - few) / i64::from(TIMES[1] - TIMES[0])
}

fn under_callgrind(path: usize, side: &str, times: u32) -> i64 {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(env::current_exe().expect("this program's path"));
    command.args(["run", &path.to_string(), side, &times.to_string()]);
    let output = command.stdout(Stdio::null()).output().expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    collected.and_then(|(_, count)| count.trim().parse().ok()).expect("callgrind prints the count")
}

fn nothing(_: u32) {}

fn verify(times: u32, length: usize, secrets: usize) {
    let secrets = [secret(), Secret::new("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh").expect("a secret")]
        .into_iter()
        .take(secrets);
    let verifier = Verifier::with_secrets(secrets).expect("a set of secrets");
    let (now, signed) = (unix_seconds(), &sign(0, 1, length)[0]);
    for _ in 0..times {
        let verdict = verifier.verify(black_box(signed.signature.as_bytes()), &signed.body, now);
        assert!(black_box(verdict).is_ok());
    }
}

fn macs(times: u32, length: usize, secrets: usize) {
    let (key, signed) = (key(), &sign(0, 1, length)[0]);
    for _ in 0..times {
        for _ in 0..secrets {
            black_box(mac(&key, signed));
        }
    }
}

fn key() -> Hmac<Sha256> {
    Hmac::new_from_slice(SECRET.as_bytes()).expect("any length")
}

fn mac(key: &Hmac<Sha256>, signed: &Signed) -> [u8; 32] {
    let mut mac = key.clone();
    mac.update(b"1640995200.");
    mac.update(black_box(&signed.body));
    mac.finalize().into_bytes().into()
}

fn store(times: u32) {
    let store = SharedStore::new(MemoryStore::new());
    for claim in claims(times) {
        assert!(matches!(now(store.claim(&claim)), Ok(ClaimAnswer::Acquired)));
        assert!(matches!(now(store.complete(&claim)), Ok(Completion::Recorded)));
    }
}

fn make_claims(times: u32) {
    claims(times).for_each(|claim| drop(black_box(claim)));
}

fn claims(times: u32) -> impl Iterator<Item = Claim> {
    let scope = Scope::new("tickets").expect("a scope");
    (0..times).map(move |number| {
        let id = format!("{number:08x}-89ab-4cde-8f01-23456789abcd");
        let id = DeliveryId::new(id).expect("an id");
        let mut claim = Claim::new(scope.clone(), id, Fingerprint::of(&number.to_ne_bytes()));
        let spread = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        claim.replay_keys = [ReplayKey::from_bytes(spread.to_be_bytes())].into();
        claim
    })
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a store in memory never waits"),
    }
}

fn read_event(times: u32) {
    let body = include_bytes!("../../../tests/data/events/purchase.completed.json");
    for _ in 0..times {
        black_box(Event::<EventData>::from_json(black_box(body)).expect("an event"));
    }
}

fn receive(times: u32, receiver: Receiver) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let deliveries = sign(0, times, 1024);
    runtime.expect("a runtime").block_on(async {
        let mut router = receiver.router();
        for delivery in &deliveries {
            call(&mut router, delivery).await;
        }
    });
}

fn bare_and_mac(times: u32) {
    receive(times, Receiver::Bare);
    macs(times, 1024, 1);
}

async fn call(router: &mut Router, delivery: &Signed) {
    let response = router.call(delivery.request()).await.expect("infallible");
    assert!(black_box(response).status().is_success());
}
