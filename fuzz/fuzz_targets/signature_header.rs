//! Any header lines over a fixed body: the verdict must be the one of a second,
//! plainer reading of the header's grammar.
//!
//! The input is text, one header line per line.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nevent_webhooks::{Rejection, Secret, Tolerance, Verifier};
use nevent_webhooks_fuzz::{digest, hex};

const SECRET: &str = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
const BODY: &[u8] = b"{}";

#[derive(Debug, PartialEq)]
enum Verdict {
    Missing,
    Malformed,
    Invalid,
    Genuine { t: i64 },
}

fuzz_target!(|input: &[u8]| {
    let lines = input.split_inclusive(|byte| *byte == b'\n');
    let lines: Vec<_> = lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line)).collect();
    assert_eq!(by_the_library(&lines), by_the_grammar(&lines));
});

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let any_time = Tolerance::dangerously_allow_long(Duration::MAX, Duration::MAX);
    Verifier::new(Secret::new(SECRET).unwrap()).tolerance(any_time)
});

fn by_the_library(lines: &[&[u8]]) -> Verdict {
    let verdict = VERIFIER.begin(lines.iter().copied()).and_then(|mut verification| {
        verification.update(BODY);
        verification.finish(0)
    });
    match verdict {
        Ok(proof) => Verdict::Genuine { t: proof.timestamp() },
        Err(Rejection::MissingSignature) => Verdict::Missing,
        Err(Rejection::MalformedSignature { .. }) => Verdict::Malformed,
        Err(Rejection::InvalidSignature) => Verdict::Invalid,
        Err(other) => panic!("no verdict on a header: {other:?}"),
    }
}

fn by_the_grammar(lines: &[&[u8]]) -> Verdict {
    match lines {
        [] => Verdict::Missing,
        [line] if line.len() <= 1024 => by_the_items(line).unwrap_or(Verdict::Malformed),
        _ => Verdict::Malformed,
    }
}

/// `None` for a malformed line.
fn by_the_items(line: &[u8]) -> Option<Verdict> {
    // Names and values that count are ASCII; a byte that is not stays wrong.
    let line = String::from_utf8_lossy(line);
    let items = line.split(',').map(|item| item.trim_start_matches([' ', '\t']).split_once('='));
    let items: Vec<(&str, &str)> = items.collect::<Option<_>>()?;
    let values = |wanted| items.iter().filter(move |(name, _)| *name == wanted).map(|item| item.1);

    let times: Vec<_> = values("t").collect();
    let [t] = times[..] else { return None };
    let t: i64 = t.parse().ok().filter(|value: &i64| *value >= 0 && value.to_string() == t)?;

    let digests: Vec<_> = values("v1").collect();
    let is_digest = |text: &&str| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    if !(1..=8).contains(&digests.len()) || !digests.iter().all(is_digest) {
        return None;
    }
    let right = hex(&digest(SECRET.as_bytes(), t, BODY));
    let genuine = digests.iter().any(|digest| digest.eq_ignore_ascii_case(&right));
    Some(if genuine { Verdict::Genuine { t } } else { Verdict::Invalid })
}
