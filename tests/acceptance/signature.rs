//! s08, s11–s16: wrong and right signatures, and unusable secrets. The other rows are in
//! `signature_form`.

use nevent_webhooks::{Secret, SecretError, Verifier};

use crate::support::receiver::secret;
use crate::support::{Adapter, EVENT, OTHER_SECRET, PREVIOUS_SECRET, Post, Receiver, rows};

rows!(
    s08_wrong_digest,
    s11_unusual_spellings,
    s12_rotation,
    s13_body_changed_on_its_way,
    s14_body_that_is_not_utf8,
    s15_empty_body,
);

/// Sends a delivery that must be refused, and checks that no handler ran. That it
/// left no record either, `still_handled` shows at the end.
pub(super) async fn refused(receiver: &Receiver, post: Post, text: &str) {
    let runs = receiver.runs();
    receiver.deliver(&post).await.is(401, text);
    assert_eq!(receiver.runs(), runs);
}

pub(super) async fn still_handled(receiver: &Receiver) {
    receiver.deliver(&Post::new("s")).await.is(200, "");
    assert_eq!(receiver.runs(), 1);
}

async fn s08_wrong_digest(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, v1) = (receiver.now(), Post::new("s").v1(receiver.now()));
    for bit in 0..256 {
        let mut digest = hex::decode(&v1).expect("hex");
        digest[bit / 8] ^= 1 << (bit % 8);
        let flipped = Post::new("s").signature(format!("t={t},v1={}", hex::encode(digest)));
        refused(&receiver, flipped, "Invalid signature").await;
    }
    let without_t = body_only_mac(EVENT);
    let altered = [
        Post::new("s").secret(OTHER_SECRET),
        Post::new("s").signature(format!("t={t},v1={without_t}")),
        Post::new("s").signature(format!("t={},v1={v1}", t + 1)),
        Post::new("s").signature(format!("t={},v1={v1}", t - 1)),
    ];
    for post in altered {
        refused(&receiver, post, "Invalid signature").await;
    }
    still_handled(&receiver).await;
}

fn body_only_mac(body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(crate::support::SECRET.as_bytes()).expect("a key");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

async fn s11_unusual_spellings(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, wrong) = (receiver.now(), "0".repeat(64));
    let spellings: [fn(&str, &str, &str) -> String; 9] = [
        |t, v1, _| format!("t={t},v1={}", v1.to_uppercase()),
        |t, v1, _| format!("v1={v1},t={t}"),
        |t, v1, _| format!("t={t}, v1={v1}"),
        |t, v1, _| format!("t={t},  \tv1={v1}"),
        |t, v1, _| format!("t={t},v1={v1},v2=anything at all"),
        |t, v1, _| format!("v0=,t={t},v1={v1}"),
        |t, v1, wrong| format!("t={t},v1={wrong},v1={v1}"),
        |t, v1, wrong| format!("t={t},v1={v1},v1={wrong}"),
        |t, v1, wrong| format!("v1={v1},t={t},v1={wrong}"),
    ];
    for (n, spell) in spellings.iter().enumerate() {
        // A body of its own for each, or it would be a replay of the one before.
        let post = Post::new(&format!("s{n}")).body(format!("{{\"n\":{n}}}"));
        let line = spell(&t.to_string(), &post.v1(t), &wrong);
        println!("{line}");
        receiver.deliver(&post.signature(line)).await.is(200, "");
    }
    assert_eq!(receiver.runs(), spellings.len());
}

async fn s12_rotation(adapter: Adapter) {
    let previous = secret(PREVIOUS_SECRET).named("previous");
    let current = secret(crate::support::SECRET).named("current");
    let verifier = Verifier::with_secrets([current, previous]);
    let receiver = Receiver::on(adapter).verifier(verifier.expect("two secrets")).start().await;

    receiver.deliver(&Post::new("old").body("old").secret(PREVIOUS_SECRET)).await.is(200, "");
    receiver.deliver(&Post::new("new").body("new")).await.is(200, "");
    let (t, both) = (receiver.now(), Post::new("both").body("both"));
    let other = both.clone().secret(PREVIOUS_SECRET);
    let line = format!("t={t},v1={},v1={}", other.v1(t), both.v1(t));
    receiver.deliver(&both.signature(line)).await.is(200, "");

    let seen = receiver.seen();
    let names: Vec<_> = seen.iter().map(|delivery| delivery.verified().secret_name()).collect();
    assert_eq!(names, ["previous", "current", "current"]);
    refused(&receiver, Post::new("s").secret(OTHER_SECRET), "Invalid signature").await;
}

async fn s13_body_changed_on_its_way(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let signed = Post::new("s").body("{\"a\": 1.0,\r\n \"b\": 2}");
    for sent in
        ["{\"a\":1.0,\"b\":2}", "{\"a\": 1.0,\n \"b\": 2}", "\u{feff}{\"a\": 1.0,\r\n \"b\": 2}"]
    {
        refused(&receiver, signed.clone().but_send(sent), "Invalid signature").await;
    }
    receiver.deliver(&signed).await.is(200, "");
}

async fn s14_body_that_is_not_utf8(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let body = [0xff, 0x00, 0xc3, 0x28, 0x80];
    receiver.deliver(&Post::new("s").body(body)).await.is(200, "");
    assert_eq!(receiver.seen()[0].body()[..], body);
}

async fn s15_empty_body(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("s").body("")).await.is(200, "");
    receiver.deliver(&Post::new("s2").body("").chunks(vec![])).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

/// Without a socket, because no receiver can be built from such a secret.
#[test]
fn s16_weak_secret_at_construction() {
    let refused = |text: &str| Secret::new(text).expect_err(text).to_string();
    assert_eq!(
        refused(""),
        "the signing secret is empty: copy it from the sender's webhook settings"
    );
    assert_eq!(
        refused("secret123"),
        "the signing secret is 9 bytes long and 16 is the least: make a new one with \
         `openssl rand -hex 32` and set it on both sides"
    );
    assert!(matches!(Secret::new("0123456789abcde"), Err(SecretError::TooShort { length: 15 })));
    assert!(Secret::new("0123456789abcdef").is_ok());
    assert_eq!(
        refused("whsec_\u{200b}k5EKJQnf9sMX2vYzJdHG3L8pR"),
        "character 7 of the signing secret is a zero-width space (U+200B): copy the secret alone \
         from the sender's webhook settings, without quotes, escapes, comments or line breaks"
    );
    assert!(matches!(Secret::new("abcdeabcdeabcdeabcde"), Err(SecretError::Repetitive)));
    assert!(Secret::new("abcdefabcdefabcdefab").is_ok(), "six different bytes");
    assert!(Secret::dangerously_allow_weak("secret123").is_ok());
    assert!(matches!(Secret::dangerously_allow_weak(""), Err(SecretError::Empty)));
}
