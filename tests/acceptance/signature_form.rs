//! s01–s07, s09, s10: headers that cannot be right, rejected for their form.

use crate::signature::{refused, still_handled};
use crate::support::{Adapter, Post, Receiver, rows};

rows!(
    s01_missing_signature,
    s02_empty_header,
    s03_two_header_lines,
    s04_no_timestamp_or_two,
    s05_no_v1,
    s06_v1_that_is_no_digest,
    s07_truncated_digest,
    s11_malformed_digest_beside_the_right_one,
    s09_oversized_header,
    s10_timestamp_that_is_no_plain_number,
);

async fn malformed(receiver: &Receiver, line: impl Into<Vec<u8>>) {
    let line = line.into();
    println!("{}", String::from_utf8_lossy(&line));
    refused(receiver, Post::new("s").signature(line), "Malformed signature").await;
}

async fn s01_missing_signature(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    refused(&receiver, Post::new("s").without_signature(), "Missing signature").await;
    still_handled(&receiver).await;
}

async fn s02_empty_header(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    malformed(&receiver, "").await;
    malformed(&receiver, "  ").await;
    still_handled(&receiver).await;
}

async fn s03_two_header_lines(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let right = Post::new("s").right(receiver.now());
    let twice = Post::new("s").signature(right.clone()).signature(right);
    refused(&receiver, twice, "Malformed signature").await;
    still_handled(&receiver).await;
}

async fn s04_no_timestamp_or_two(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, v1) = (receiver.now(), Post::new("s").v1(receiver.now()));
    malformed(&receiver, format!("v1={v1}")).await;
    malformed(&receiver, format!("T={t},v1={v1}")).await;
    malformed(&receiver, format!("t={t},t={t},v1={v1}")).await;
    malformed(&receiver, format!("t={t},v1={v1},t={}", t + 1)).await;
    still_handled(&receiver).await;
}

async fn s05_no_v1(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, v1) = (receiver.now(), Post::new("s").v1(receiver.now()));
    for header in ["t={t}", "t={t},v0={v1}", "t={t},v2={v1}", "t={t},V1={v1}", "t={t},v1"] {
        let header = header.replace("{t}", &t.to_string()).replace("{v1}", &v1);
        malformed(&receiver, header).await;
    }
    still_handled(&receiver).await;
}

async fn s06_v1_that_is_no_digest(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, v1) = (receiver.now(), Post::new("s").v1(receiver.now()));
    let full_width: String = v1.chars().map(full_width).collect();
    let digests: [&[u8]; 10] = [
        b"",
        &v1.as_bytes()[..62],
        &v1.as_bytes()[..63],
        &[v1.as_bytes(), b"0"].concat(),
        &[v1.as_bytes(), b" ,x=1"].concat(),
        b"FtS587zTuI3MghJoj7jAaRpJTLEVeemXL88IV51i4Lk=",
        &[&v1.as_bytes()[..63], b"g"].concat(),
        &[&v1.as_bytes()[..63], b"\x80"].concat(),
        &[0xff; 64],
        full_width.as_bytes(),
    ];
    for digest in digests {
        malformed(&receiver, [format!("t={t},v1=").as_bytes(), digest].concat()).await;
    }
    still_handled(&receiver).await;
}

/// It may belong to a future version of the scheme.
async fn s11_malformed_digest_beside_the_right_one(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, v1) = (receiver.now(), Post::new("s").v1(receiver.now()));
    let digests: [&[u8]; 4] = [b"", &v1.as_bytes()[..32], b"a/b+", &[0xff; 64]];
    for (number, digest) in digests.into_iter().enumerate() {
        let first = [format!("t={t},v1={v1},v1=").as_bytes(), digest].concat();
        let last =
            [format!("t={t},v1=").as_bytes(), digest, format!(",v1={v1}").as_bytes()].concat();
        for header in [first, last] {
            let post = Post::new(&format!("s-{number}")).signature(header);
            let body = if receiver.runs() == 0 { "" } else { "Already processed" };
            receiver.deliver(&post).await.is(200, body);
        }
    }
    assert_eq!(receiver.runs(), 1, "the same signed bytes");
}

/// `0` as U+FF10, and so on; letters stay.
fn full_width(digit: char) -> char {
    digit.to_digit(10).and_then(|d| char::from_u32(0xff10 + d)).unwrap_or(digit)
}

async fn s07_truncated_digest(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, v1) = (receiver.now(), Post::new("s").v1(receiver.now()));
    malformed(&receiver, format!("t={t},v1={}", &v1[..32])).await;
    still_handled(&receiver).await;
}

async fn s09_oversized_header(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let right = Post::new("s").right(receiver.now());
    let padded = |length: usize| format!("{right},x={}", "x".repeat(length - right.len() - 3));
    malformed(&receiver, padded(1025)).await;
    let nine = format!("{right}{}", format!(",v1={}", "0".repeat(64)).repeat(8));
    assert!(nine.len() < 1024);
    malformed(&receiver, nine).await;

    receiver.deliver(&Post::new("s").signature(padded(1024))).await.is(200, "");
    let eight = format!("{right}{}", format!(",v1={}", "0".repeat(64)).repeat(7));
    receiver
        .deliver(&Post::new("s2").body("{}").signature(eight))
        .await
        .is(401, "Invalid signature");
}

async fn s10_timestamp_that_is_no_plain_number(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (t, v1) = (receiver.now(), Post::new("s").v1(receiver.now()));
    let spellings = [
        format!("+{t}"),
        format!("-{t}"),
        format!("0{t}"),
        "1e9".to_owned(),
        format!(" {t}"),
        format!("{t} "),
        "16 40".to_owned(),
        format!("{t}.0"),
        format!("0x{t:x}"),
        String::new(),
        "9223372036854775808".to_owned(),
        "18446744073709551616".to_owned(),
        "9".repeat(400),
        "-9223372036854775808".to_owned(),
    ];
    for t in spellings {
        malformed(&receiver, format!("t={t},v1={v1}")).await;
    }
    // The largest there is: well formed, and judged without overflow.
    let largest = format!("t={},v1={v1}", i64::MAX);
    refused(&receiver, Post::new("s").signature(largest), "Invalid signature").await;
    let signed = Post::new("s").age(receiver.now() - i64::MAX);
    refused(&receiver, signed, "Timestamp too new").await;
    let zero = Post::new("s").age(receiver.now());
    refused(&receiver, zero, "Timestamp too old").await;
    still_handled(&receiver).await;
}
