//! Any scheme and any header lines over a fixed body: the verdict must be the one of a
//! second, plainer reading of the headers' grammar.
//!
//! The input is text. Its first line chooses the scheme, see `Parts::chosen`. Every further
//! line is a header line, after a letter for its header: `s` signature, `t` time, `i` id. A
//! `#` in a signature is the right digest, as far as the request has a time and an id.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nevent_webhooks::{Tolerance, Verification, VerifyError};
use nevent_webhooks_fuzz::SECRET;
use nevent_webhooks_fuzz::header::{signature, signed_id, time};
use nevent_webhooks_fuzz::library::{Library, Secrets};
use nevent_webhooks_fuzz::scheme::{Key, Parts, Place, Signed};

const BODY: &[u8] = b"{}";

#[derive(Debug, PartialEq)]
enum Verdict {
    Missing,
    MissingSigned(&'static str),
    Malformed,
    Invalid,
    Genuine { t: Option<i64>, id: Option<String> },
}

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let choice = lines.next().unwrap_or_default();
    let parts = Parts::chosen(std::array::from_fn(|at| choice.get(at).copied().unwrap_or(b'a')));
    let request = Request::new(&parts, &lines.collect::<Vec<_>>());
    let library = library(&parts);

    let lines_of = |name: &str| request.lines_of(&parts, name);
    let verdict = by_the_library(library.verifier.begin_request(&lines_of));
    assert_eq!(verdict, by_the_grammar(&request, &parts), "{parts:?}");

    let verdict = by_the_library(library.verifier.begin(&request.signatures()));
    assert_eq!(verdict, by_the_grammar(&request.signature_alone(), &parts), "{parts:?}");
});

static TEXT: LazyLock<Secrets> = LazyLock::new(|| secrets(Key::Text));
static BASE64: LazyLock<Secrets> = LazyLock::new(|| secrets(Key::Base64));

fn secrets(kind: Key) -> Secrets {
    Secrets::new(kind, &[("only", SECRET.as_bytes())]).expect("a good key of either kind")
}

fn library(parts: &Parts) -> Library {
    let secrets = if parts.key == Key::Text { &TEXT } else { &BASE64 };
    let any_time = Tolerance::dangerously_allow_long(Duration::MAX, Duration::MAX);
    Library::new(parts, secrets, any_time).expect("one secret")
}

/// The header lines that a scheme may look at.
#[derive(Default)]
struct Request {
    signatures: Vec<Vec<u8>>,
    times: Vec<Vec<u8>>,
    ids: Vec<Vec<u8>>,
}

impl Request {
    fn new(parts: &Parts, lines: &[&[u8]]) -> Self {
        let of = |letter: u8| lines.iter().filter_map(move |line| line.strip_prefix(&[letter]));
        let all = |letter| of(letter).map(<[u8]>::to_vec).collect();
        let with = |digest: &str| {
            let replaced = |line: &[u8]| replace(line, digest.as_bytes());
            Self { signatures: of(b's').map(replaced).collect(), times: all(b't'), ids: all(b'i') }
        };
        // Any digest does to find the time and the id.
        let draft = with(&parts.encoding.text(&vec![0; parts.hash.length()]));
        match draft.signed(parts) {
            Ok((t, id, _)) => with(&parts.encoding.text(&right_digest(parts, t, id.as_deref()))),
            Err(_) => draft,
        }
    }

    fn signatures(&self) -> Vec<&[u8]> {
        self.signatures.iter().map(Vec::as_slice).collect()
    }

    fn signature_alone(&self) -> Self {
        Self { signatures: self.signatures.clone(), ..Self::default() }
    }

    fn lines_of(&self, parts: &Parts, name: &str) -> Vec<&[u8]> {
        let lines = match name {
            _ if name == parts.names.signature => &self.signatures,
            _ if name == parts.names.time => &self.times,
            _ if Some(name) == parts.names.id => &self.ids,
            _ => panic!("the scheme has no header {name}"),
        };
        lines.iter().map(Vec::as_slice).collect()
    }

    /// The time, the id and the digests, or why there are none.
    #[expect(clippy::type_complexity, reason = "taken apart at once")]
    fn signed(
        &self,
        parts: &Parts,
    ) -> Result<(Option<i64>, Option<String>, Vec<Vec<u8>>), Verdict> {
        let line = only(&self.signatures, Verdict::Missing)?;
        let (mut t, digests) = signature(line, parts).ok_or(Verdict::Malformed)?;
        if matches!(parts.place(), Some(Place::Header)) {
            let line = only(&self.times, Verdict::MissingSigned(parts.names.time))?;
            t = Some(time(&String::from_utf8_lossy(line)).ok_or(Verdict::Malformed)?);
        }
        let mut id = None;
        if let (Signed::IdAndTime { separator }, Some(name)) = (parts.signed, parts.names.id) {
            let line = only(&self.ids, Verdict::MissingSigned(name))?;
            id = Some(signed_id(line, separator).ok_or(Verdict::Malformed)?);
        }
        Ok((t, id, digests))
    }
}

fn only(lines: &[Vec<u8>], missing: Verdict) -> Result<&[u8], Verdict> {
    match lines {
        [] => Err(missing),
        [line] => Ok(line),
        _ => Err(Verdict::Malformed),
    }
}

fn replace(line: &[u8], digest: &[u8]) -> Vec<u8> {
    line.split(|byte| *byte == b'#').collect::<Vec<_>>().join(digest)
}

fn right_digest(parts: &Parts, t: Option<i64>, id: Option<&str>) -> Vec<u8> {
    parts.digest(SECRET.as_bytes(), id.unwrap_or_default(), t.unwrap_or_default(), BODY)
}

fn by_the_library(begun: Result<Verification, VerifyError>) -> Verdict {
    let verdict = begun.and_then(|mut verification| {
        verification.update(BODY);
        verification.finish(0)
    });
    match verdict {
        Ok(proof) => {
            Verdict::Genuine { t: proof.timestamp(), id: proof.signed_id().map(ToOwned::to_owned) }
        }
        Err(VerifyError::MissingSignature) => Verdict::Missing,
        Err(VerifyError::MissingSignedHeader { header, .. }) => Verdict::MissingSigned(header),
        Err(VerifyError::MalformedSignature { .. }) => Verdict::Malformed,
        Err(VerifyError::InvalidSignature) => Verdict::Invalid,
        Err(other) => panic!("no verdict on a header: {other:?}"),
    }
}

fn by_the_grammar(request: &Request, parts: &Parts) -> Verdict {
    match request.signed(parts) {
        Err(verdict) => verdict,
        Ok((t, id, digests)) => {
            let is_genuine = digests.contains(&right_digest(parts, t, id.as_deref()));
            if is_genuine { Verdict::Genuine { t, id } } else { Verdict::Invalid }
        }
    }
}
