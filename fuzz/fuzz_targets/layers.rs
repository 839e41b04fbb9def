//! HTTP requests through both layers, against the order of judgement as a list of
//! conditions: what is answered, how often the handler runs, and which bytes it gets.
#![no_main]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use nevent_webhooks::{
    Clock, DedupeOptions, ManualClock, Rejection, Secret, VerifiedBody, Verifier, VerifyLayer,
    VerifyOptions,
};
use nevent_webhooks_fuzz::frames::Frames;
use nevent_webhooks_fuzz::header::items;
use nevent_webhooks_fuzz::stack::{deduplicated, run};
use nevent_webhooks_fuzz::{SECRET, digest, hex};
use tower::{ServiceBuilder, ServiceExt, service_fn};

const LIMIT: usize = 64;

#[derive(Debug, Clone, Arbitrary)]
struct Input<'a> {
    signature: Signature,
    /// Seconds ago.
    age: i16,
    ids: Vec<Text>,
    events: Vec<Text>,
    encodings: Vec<Coding>,
    announced: Option<u8>,
    frames: Vec<&'a [u8]>,
    breaks_off: bool,
    handler_fails: bool,
    /// The second time it is sent under another id.
    other_id: bool,
    /// What the body says of its length, rightly or wrongly.
    at_least: u8,
}

#[derive(Debug, Clone, Arbitrary)]
enum Signature {
    Genuine,
    None,
    Twice,
    WrongDigest { at: u8, bit: u8 },
    Any(Text),
}

#[derive(Debug, Clone, Arbitrary)]
enum Coding {
    Identity,
    Gzip,
    Any(Text),
}

/// What a header line may hold.
#[derive(Debug, Clone)]
struct Text(HeaderValue);

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let bytes = <&[u8]>::arbitrary(input)?;
        HeaderValue::from_bytes(bytes).map(Self).map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}

/// Status and text, as far as it is a layer's; what else the handler answered.
type Answer = (u16, &'static str);

fuzz_target!(|input: Input| {
    let mut again = input.clone();
    if input.other_id {
        again.ids = vec![Text(HeaderValue::from_static("another"))];
    }
    let clock = ManualClock::now();
    let (answers, runs) = run(send([&input, &again], &clock));
    assert_eq!((answers, runs), expected([&input, &again], &clock));
});

async fn send(inputs: [&Input<'_>; 2], clock: &ManualClock) -> (Vec<Answer>, usize) {
    let secret = Secret::new(SECRET).unwrap();
    let options = VerifyOptions::new().body_limit(LIMIT).clock(clock.clone());
    let verify = VerifyLayer::with_options(Verifier::new(secret), options);
    let dedupe = deduplicated(DedupeOptions::new());
    let (body, status) = (inputs[0].body(), handled(inputs[0]).0);
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let handler = service_fn(move |request: Request<VerifiedBody>| {
        assert_eq!(request.body().delivery().body(), &body, "the bytes that were signed");
        counted.fetch_add(1, Ordering::Relaxed);
        let (body, response) = (body.clone(), Response::builder().status(status));
        async move {
            let read = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(read, body, "as frames, too");
            Ok::<_, Infallible>(response.body(Frames::default()).unwrap())
        }
    });
    let stack = ServiceBuilder::new().layer((verify, dedupe)).service(handler);
    let mut answers = Vec::new();
    for input in inputs {
        let response = stack.clone().oneshot(input.request(clock)).await.unwrap();
        let rejection = response.extensions().get::<Rejection>();
        answers.push((response.status().as_u16(), rejection.map_or("", Rejection::body_text)));
    }
    (answers, runs.load(Ordering::Relaxed))
}

/// A repeat has one body, so it is judged as the first was but for the id.
fn expected(inputs: [&Input; 2], clock: &ManualClock) -> (Vec<Answer>, usize) {
    let mut runs = 0;
    let mut done = false;
    let answers = inputs.map(|input| match input.refusal(clock) {
        Some(refusal) => refusal,
        None if done => (200, "Already processed"),
        None => {
            runs += 1;
            done = !input.handler_fails;
            handled(input)
        }
    });
    (answers.into(), runs)
}

fn handled(input: &Input) -> Answer {
    (if input.handler_fails { 500 } else { 204 }, "")
}

impl Input<'_> {
    /// In the order of judgement.
    fn refusal(&self, clock: &ManualClock) -> Option<Answer> {
        let judgements = [
            (self.has_no_signature(), (401, "Missing signature")),
            (!self.is_well_formed(), (401, "Malformed signature")),
            (
                !self.encodings.iter().all(Coding::is_identity),
                (415, "Unsupported content encoding"),
            ),
            (self.announced.is_some_and(|n| usize::from(n) > LIMIT), (413, "Payload too large")),
            (usize::from(self.at_least) > LIMIT, (413, "Payload too large")),
            (self.body().len() > LIMIT, (413, "Payload too large")),
            (self.breaks_off, (400, "Unreadable body")),
            (!self.is_genuine(clock), (401, "Invalid signature")),
            (self.age > 300, (401, "Timestamp too old")),
            (self.age < -300, (401, "Timestamp too new")),
            (self.ids.is_empty(), (400, "Missing delivery id")),
            (!self.has_a_right_id(), (400, "Malformed delivery id")),
        ];
        judgements.into_iter().find(|(refused, _)| *refused).map(|(_, answer)| answer)
    }

    fn has_no_signature(&self) -> bool {
        matches!(self.signature, Signature::None)
    }

    fn is_well_formed(&self) -> bool {
        match &self.signature {
            Signature::Any(Text(line)) => items(line.as_bytes()).is_some(),
            Signature::Twice => false,
            _ => true,
        }
    }

    fn is_genuine(&self, clock: &ManualClock) -> bool {
        match &self.signature {
            Signature::Genuine => true,
            // Nobody finds a digest without the secret.
            Signature::Any(Text(line)) => line.as_bytes() == self.genuine(clock).as_bytes(),
            _ => false,
        }
    }

    fn has_a_right_id(&self) -> bool {
        let [Text(id)] = &self.ids[..] else { return false };
        (1..=128).contains(&id.len()) && id.as_bytes().iter().all(|byte| (32..127).contains(byte))
    }

    fn body(&self) -> Bytes {
        self.frames.concat().into()
    }

    fn genuine(&self, clock: &ManualClock) -> String {
        self.signed(clock, |_| {})
    }

    fn signed(&self, clock: &ManualClock, change: impl FnOnce(&mut [u8; 32])) -> String {
        let t = clock.unix_seconds() - i64::from(self.age);
        let mut digest = digest(SECRET.as_bytes(), t, &self.body());
        change(&mut digest);
        format!("t={t},v1={}", hex(&digest))
    }

    fn request(&self, clock: &ManualClock) -> Request<Frames> {
        let mut request = Request::post("/");
        let signature = match &self.signature {
            Signature::None => vec![],
            Signature::Genuine => vec![self.genuine(clock)],
            Signature::Twice => vec![self.genuine(clock); 2],
            Signature::WrongDigest { at, bit } => {
                vec![self.signed(clock, |digest| digest[usize::from(at % 32)] ^= 1 << (bit % 8))]
            }
            Signature::Any(Text(line)) => {
                request = request.header("x-nevent-signature", line);
                vec![]
            }
        };
        for line in signature {
            request = request.header("x-nevent-signature", line);
        }
        for Text(id) in &self.ids {
            request = request.header("x-nevent-delivery", id);
        }
        for Text(event) in &self.events {
            request = request.header("x-nevent-event", event);
        }
        for coding in &self.encodings {
            request = request.header("content-encoding", coding.line());
        }
        if let Some(length) = self.announced {
            request = request.header("content-length", u16::from(length));
        }
        let left = self.frames.iter().map(|frame| Bytes::copy_from_slice(frame)).rev().collect();
        let (breaks_off, at_least) = (self.breaks_off, self.at_least.into());
        request.body(Frames { left, breaks_off, at_least }).unwrap()
    }
}

impl Coding {
    fn line(&self) -> HeaderValue {
        match self {
            Self::Identity => HeaderValue::from_static("identity"),
            Self::Gzip => HeaderValue::from_static("gzip"),
            Self::Any(Text(line)) => line.clone(),
        }
    }

    fn is_identity(&self) -> bool {
        let line = self.line();
        let line = String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase();
        let harmless = ["", "identity", "utf-8", "utf8"];
        line.split(',').all(|coding| harmless.contains(&coding.trim_matches([' ', '\t'])))
    }
}
