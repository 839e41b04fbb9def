//! Any header lines over a fixed body: the verdict must be the one of a second,
//! plainer reading of the header's grammar.
//!
//! The input is text, one header line per line.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nevent_webhooks::{Secret, Tolerance, Verifier, VerifyError};
use nevent_webhooks_fuzz::header::items;
use nevent_webhooks_fuzz::{SECRET, digest, hex};

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
        Err(VerifyError::MissingSignature) => Verdict::Missing,
        Err(VerifyError::MalformedSignature { .. }) => Verdict::Malformed,
        Err(VerifyError::InvalidSignature) => Verdict::Invalid,
        Err(other) => panic!("no verdict on a header: {other:?}"),
    }
}

fn by_the_grammar(lines: &[&[u8]]) -> Verdict {
    let [line] = lines else {
        return if lines.is_empty() { Verdict::Missing } else { Verdict::Malformed };
    };
    let Some((t, digests)) = items(line) else { return Verdict::Malformed };
    if digests.contains(&hex(&digest(SECRET.as_bytes(), t, BODY))) {
        return Verdict::Genuine { t };
    }
    Verdict::Invalid
}
