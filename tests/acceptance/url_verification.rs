//! h11–h15: Slack's handshake, a signed POST.

use nevent_webhooks::scheme::{Hash, Scheme};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeOptions, ManualClock, Rejection, RejectionResponse, Secret, VerifyLayer, VerifyOptions,
};

use crate::handshake_route::post_of;
use crate::support::receiver::secret;
use crate::support::recorder::Recorder;
use crate::support::{Adapter, FaultyStore, OTHER_SECRET, Receiver, Reply, SECRET, rows};

rows!(
    h11_url_verification,
    h12_forged_or_stale,
    h13_the_text_in_a_delivery,
    h14_odd_challenge,
    h15_other_schemes_and_responses,
);

const SAMPLE: &str = r#"{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
const CHALLENGE: &str = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";

/// A receiver of Slack's events, which records what it is told of and what its store is asked.
struct Slack {
    receiver: Receiver,
    store: FaultyStore,
    recorder: Recorder,
}

impl Slack {
    async fn start(adapter: Adapter) -> Self {
        Self::with_options(adapter, VerifyOptions::new()).await
    }

    async fn with_options(adapter: Adapter, options: VerifyOptions) -> Self {
        let (clock, recorder) = (ManualClock::now(), Recorder::default());
        let store = FaultyStore::new(MemoryStore::with_capacity(100).expect("room"));
        let options = options.clock(clock.clone()).observer(recorder.clone());
        let layer = VerifyLayer::with_options(Scheme::slack().verifier(secret(SECRET)), options);
        let setup = Receiver::on(adapter).clock(&clock).store(store.clone()).verify_layer(layer);
        let setup = setup.options(DedupeOptions::new().observer(recorder.clone()));
        Self { receiver: setup.start().await, store, recorder }
    }

    /// Sends a body, signed so many seconds ago.
    async fn post(&self, secret: &Secret, age: i64, body: &str) -> Reply {
        let time = self.receiver.now() - age;
        let headers = Scheme::slack().signer(secret).headers("", time, body.as_bytes());
        post(&self.receiver, &headers, body).await
    }

    async fn genuine(&self, body: &str) -> Reply {
        self.post(&secret(SECRET), 0, body).await
    }

    /// Checks that nothing so far was a delivery.
    fn untouched(&self) {
        assert_eq!((self.receiver.runs(), self.store.claims()), (0, 0));
    }
}

async fn post(receiver: &Receiver, headers: &[(&str, String)], body: &str) -> Reply {
    let mut connection = receiver.connect().await;
    connection.send(post_of("/webhooks/nevent", headers, body).as_bytes()).await;
    connection.reply().await
}

#[track_caller]
fn is_challenge(reply: &Reply, challenge: &str) {
    reply.is(200, challenge);
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
}

async fn h11_url_verification(adapter: Adapter) {
    let slack = Slack::start(adapter).await;
    is_challenge(&slack.genuine(SAMPLE).await, CHALLENGE);
    is_challenge(&slack.genuine(SAMPLE).await, CHALLENGE);
    slack.untouched();
    assert_eq!(slack.recorder.take(), ["handshake_answered", "handshake_answered"]);
    assert!(slack.recorder.all().is_empty());
}

async fn h12_forged_or_stale(adapter: Adapter) {
    let slack = Slack::start(adapter).await;
    slack.post(&secret(OTHER_SECRET), 0, SAMPLE).await.is(401, "Invalid signature");
    slack.post(&secret(SECRET), 301, SAMPLE).await.is(401, "Timestamp too old");
    slack.post(&secret(SECRET), -301, SAMPLE).await.is(401, "Timestamp too new");
    post(&slack.receiver, &[], SAMPLE).await.is(401, "Missing signature");
    slack.untouched();
    assert_eq!(slack.recorder.take(), ["rejected 401"; 4]);
}

async fn h13_the_text_in_a_delivery(adapter: Adapter) {
    let slack = Slack::start(adapter).await;
    let deliveries = [
        r#"{"type":"event_callback","event_id":"Ev1","event":{"type":"url_verification","challenge":"x"}}"#,
        r#"{"type":"event_callback","event_id":"Ev2","challenge":"x","text":"url_verification"}"#,
        r#"[{"type":"url_verification","challenge":"x"}]"#,
        "command=%2Fweather&text=url_verification&challenge=x",
    ];
    for delivery in deliveries {
        slack.genuine(delivery).await.is(200, "");
    }
    let bodies: Vec<_> = slack.receiver.seen().iter().map(|seen| seen.body().clone()).collect();
    assert_eq!(bodies, deliveries);
    assert_eq!(slack.store.claims(), deliveries.len());
}

async fn h14_odd_challenge(adapter: Adapter) {
    let slack = Slack::start(adapter).await;
    let with = |challenge: &str| format!(r#"{{"type":"url_verification"{challenge}}}"#);
    let (longest, too_long) = ("x".repeat(512), "x".repeat(513));
    let of = |text: &str| with(&format!(r#","challenge":"{text}""#));
    is_challenge(&slack.genuine(&of(&longest)).await, &longest);
    let odd = [
        with(""),
        with(r#","challenge":1"#),
        with(r#","challenge":"x","challenge":"y""#),
        of(""),
        of(&too_long),
        of("<script>alert(1)</script>"),
        of(r"\u003cscript>"),
        of("a&b"),
        of(r"a\r\nb"),
        of("ü"),
    ];
    slack.recorder.take();
    for body in odd {
        println!("{body}");
        slack.genuine(&body).await.is(400, "Malformed challenge");
        assert_eq!(slack.recorder.take(), ["rejected 400"]);
    }
    slack.untouched();
}

/// A scheme that does not answer it, one that does, and a response of one's own to rejections.
async fn h15_other_schemes_and_responses(adapter: Adapter) {
    let own = |_: &Rejection| RejectionResponse::new("application/json", "{}");
    let slack = Slack::with_options(adapter, VerifyOptions::new().rejection_response(own)).await;
    is_challenge(&slack.genuine(SAMPLE).await, CHALLENGE);
    slack.genuine(r#"{"type":"url_verification"}"#).await.is(400, "{}");

    let acme = Scheme::hmac(Hash::Sha256, "x-signature");
    for (scheme, text) in [(acme, ""), (acme.answers_url_verification(), CHALLENGE)] {
        let scheme = scheme.build().expect("a scheme");
        let layer = VerifyLayer::new(scheme.verifier(secret(SECRET)));
        let receiver = Receiver::on(adapter).verify_layer(layer).start().await;
        let headers = scheme.signer(&secret(SECRET)).headers("", SAMPLE.as_bytes());
        post(&receiver, &headers, SAMPLE).await.is(200, text);
        assert_eq!(receiver.runs(), usize::from(text.is_empty()));
    }
}
