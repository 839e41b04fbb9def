//! sc01–sc05: the signatures of every kind of scheme.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::sender::{Key, body_of};
use crate::support::{Adapter, Post, Receiver, Sender, rows};

rows!(
    sc01_genuine_deliveries_of_every_kind,
    sc02_signature_header,
    sc03_header_of_the_time,
    sc03_header_of_the_signed_id,
    sc03_a_signed_id_that_is_no_id,
    sc04_one_bit_flipped,
    sc05_several_digests,
    sc05_several_digests_where_there_can_be_one,
);

async fn sc01_genuine_deliveries_of_every_kind(adapter: Adapter) {
    for sender in Sender::all() {
        let receiver = sender.on(adapter).start().await;
        let post = sender.post("d-1", receiver.now());
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post).await.is(200, "Already processed");
        let in_pieces = post.chunks(vec![1; 60]);
        receiver.deliver(&in_pieces).await.is(200, "Already processed");
        let seen = receiver.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(
            (seen[0].scheme(), &seen[0].body()[..]),
            (sender.name, body_of("d-1").as_bytes())
        );
    }
}

async fn sc02_signature_header(adapter: Adapter) {
    for sender in Sender::all() {
        let receiver = sender.on(adapter).start().await;
        let post = sender.post("d-1", receiver.now());
        let right = post.value_of(sender.signature);
        rejected(&receiver, post.clone().without_header(sender.signature), "Missing signature")
            .await;
        let twice = post.clone().header(sender.signature, right.clone());
        rejected(&receiver, twice, "Malformed signature").await;
        let lines = [
            String::new(),
            "x".to_owned(),
            right[..right.len() - 1].to_owned(),
            right[..right.len() / 2].to_owned(),
            format!("{right}0"),
            right.replace("sha256=", "sha1=").replace("v0=", "v2=").replace("v1", "v2"),
        ];
        for line in lines.into_iter().filter(|line| *line != right) {
            let malformed = post.clone().with_header(sender.signature, line);
            rejected(&receiver, malformed, "Malformed signature").await;
        }
        still_handled(&receiver, &post).await;
    }
}

async fn sc03_header_of_the_time(adapter: Adapter) {
    for sender in Sender::all() {
        let Some(header) = sender.time else { continue };
        let receiver = sender.on(adapter).start().await;
        let (now, post) = (receiver.now(), sender.post("d-1", receiver.now()));
        let spellings = [
            String::new(),
            format!("+{now}"),
            format!("-{now}"),
            format!("0{now}"),
            format!("{now}.0"),
            format!("{now}s"),
            "1e9".to_owned(),
            "9223372036854775808".to_owned(),
        ];
        header_is_needed(&receiver, &post, header, &spellings).await;
    }
}

async fn sc03_header_of_the_signed_id(adapter: Adapter) {
    for sender in Sender::all() {
        let Some(header) = sender.signed_id else { continue };
        let receiver = sender.on(adapter).start().await;
        let post = sender.post("d-1", receiver.now());
        header_is_needed(&receiver, &post, header, &["d.1", "."].map(str::to_owned)).await;
        let not_utf8 = post.with_header(header, [b'd', 0xff]);
        rejected(&receiver, not_utf8, "Malformed signature").await;
    }
}

/// The signature is right, and the id is none.
async fn sc03_a_signed_id_that_is_no_id(adapter: Adapter) {
    for sender in Sender::all().iter().filter(|sender| sender.signed_id.is_some()) {
        let receiver = sender.on(adapter).start().await;
        for id in ["", "ä", &"x".repeat(129)] {
            let post = sender.post_body(id, receiver.now(), "{}");
            receiver.deliver(&post).await.is(400, "Malformed delivery id");
        }
        assert_eq!(receiver.runs(), 0);
    }
}

/// Checks a header that the signature covers: one line of it, well-formed.
async fn header_is_needed(receiver: &Receiver, post: &Post, header: &str, malformed: &[String]) {
    rejected(receiver, post.clone().without_header(header), "Missing signature").await;
    let twice = post.clone().header(header, post.value_of(header));
    rejected(receiver, twice, "Malformed signature").await;
    for value in malformed {
        let changed = post.clone().with_header(header, value.as_bytes());
        rejected(receiver, changed, "Malformed signature").await;
    }
    still_handled(receiver, post).await;
}

async fn sc04_one_bit_flipped(adapter: Adapter) {
    for sender in Sender::all() {
        let receiver = sender.on(adapter).start().await;
        let (now, body) = (receiver.now(), body_of("d-1"));
        let post = sender.post("d-1", now);
        let right = post.value_of(sender.signature);
        for bit in [0, 1, 7, 8, 100, 128, 250, 255] {
            let flipped = with_digest(&right, |digest| flip(digest, bit));
            let flipped = post.clone().with_header(sender.signature, flipped);
            rejected(&receiver, flipped, "Invalid signature").await;
            let mut other = body.clone().into_bytes();
            flip(&mut other, bit);
            rejected(&receiver, post.clone().but_send(other), "Invalid signature").await;
        }
        for (header, value) in
            [(sender.time, (now ^ 1).to_string()), (sender.signed_id, "d-0".into())]
        {
            let Some(header) = header else { continue };
            let changed = post.clone().with_header(header, value);
            rejected(&receiver, changed, "Invalid signature").await;
        }
        let other_time = right.replace(&format!("t={now}"), &format!("t={}", now ^ 1));
        if other_time != right {
            let changed = post.clone().with_header(sender.signature, other_time);
            rejected(&receiver, changed, "Invalid signature").await;
        }
        let forged = sender.post_with(Key::Wrong, "d-1", now, &body);
        rejected(&receiver, forged, "Invalid signature").await;
        still_handled(&receiver, &post).await;
    }
}

/// A malformed digest may belong to a future version of the scheme.
async fn sc05_several_digests(adapter: Adapter) {
    for (sender, before) in with_several_digests() {
        let receiver = sender.on(adapter).start().await;
        let post = |id: &str, more: &[&str]| {
            let post = sender.post(id, receiver.now());
            let right = post.value_of(sender.signature);
            let more = more.iter().flat_map(|digest| [before, digest]);
            post.with_header(sender.signature, right + &more.collect::<String>())
        };
        let right = post("", &[]).value_of(sender.signature);
        let wrong = with_digest(&right, |digest| digest.fill(0));
        let wrong = digest_of(&wrong);
        rejected(&receiver, post("nine", &[wrong; 8]), "Malformed signature").await;
        let malformed = [&["short"][..], &[""], &[wrong, "/"], &[wrong; 7]];
        for (n, more) in malformed.into_iter().enumerate() {
            receiver.deliver(&post(&format!("d-{n}"), more)).await.is(200, "");
        }
        let long = "x".repeat(1024);
        rejected(&receiver, post("long", &[&long]), "Malformed signature").await;
    }
}

/// A second digest is part of the first, which is malformed then.
async fn sc05_several_digests_where_there_can_be_one(adapter: Adapter) {
    let several: Vec<_> = with_several_digests().iter().map(|(sender, _)| sender.name).collect();
    for sender in Sender::all().iter().filter(|sender| !several.contains(&sender.name)) {
        let receiver = sender.on(adapter).start().await;
        let post = sender.post("d-1", receiver.now());
        let right = post.value_of(sender.signature);
        for separator in [",", " ", ", ", ""] {
            let line = format!("{right}{separator}{right}");
            let two = post.clone().with_header(sender.signature, line);
            rejected(&receiver, two, "Malformed signature").await;
        }
        still_handled(&receiver, &post).await;
    }
}

/// The senders whose header holds several digests, with what comes before a further one.
fn with_several_digests() -> Vec<(Sender, &'static str)> {
    let before = |sender: &Sender| match sender.name {
        "nevent" | "stripe" => Some(",v1="),
        "standard-webhooks" | "svix" => Some(" v1,"),
        _ => None,
    };
    let senders = Sender::all().into_iter();
    senders.filter_map(|sender| before(&sender).map(|before| (sender, before))).collect()
}

/// The digest at the end of a signature header.
fn digest_of(line: &str) -> &str {
    line.rsplit_once([',', ' ']).map_or(line, |(_, end)| end).trim_start_matches("v1=")
}

/// The header with its digest changed, in the encoding that the header has.
fn with_digest(line: &str, change: impl Fn(&mut [u8])) -> String {
    let digits = line.len() - line.rfind(|c: char| !c.is_ascii_hexdigit()).map_or(0, |at| at + 1);
    let start = line.len() - if digits >= 64 { digits } else { 44 };
    let (before, text) = line.split_at(start);
    let decoded = hex::decode(text).ok();
    let mut digest = decoded.clone().unwrap_or_else(|| STANDARD.decode(text).expect("base64"));
    change(&mut digest);
    let changed = if decoded.is_some() { hex::encode(digest) } else { STANDARD.encode(digest) };
    format!("{before}{changed}")
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// Sends a delivery that must be rejected, and checks that no handler ran.
async fn rejected(receiver: &Receiver, post: Post, text: &str) {
    let runs = receiver.runs();
    receiver.deliver(&post).await.is(401, text);
    assert_eq!(receiver.runs(), runs);
}

/// No rejected delivery has left a record.
async fn still_handled(receiver: &Receiver, post: &Post) {
    receiver.deliver(post).await.is(200, "");
    assert_eq!(receiver.runs(), 1);
}
