//! b01–b08: how much body may come, and how.

use std::time::{Duration, Instant};

use crate::support::{Adapter, EVENT, Post, Receiver, rows};

rows!(
    b01_as_long_as_allowed,
    b02_declared_too_long,
    b03_too_long_without_a_declaration,
    b03_a_configured_limit,
    b04_connection_ends_before_the_body,
    b05_body_stalls,
    b05_body_drips,
    b05_slow_body_is_accepted,
    b05_a_refused_body_holds_no_connection,
    b05_a_refused_body_is_not_read_on,
    b06_content_encoding,
    b07_any_split_of_the_body,
    b07_trailers_are_not_handed_on,
    b08_expect_continue,
);

const LIMIT: usize = 1_048_576;

async fn b01_as_long_as_allowed(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("b").body(vec![b'x'; LIMIT])).await.is(200, "");
    let chunked = Post::new("b2").body(vec![b'y'; LIMIT]).chunks(vec![65_536; 16]);
    receiver.deliver(&chunked).await.is(200, "");
    assert_eq!(receiver.seen()[1].body().len(), LIMIT);
}

async fn b02_declared_too_long(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (head, _) = Post::new("b").body(vec![b'x'; LIMIT + 1]).wire(receiver.now());
    let mut connection = receiver.connect().await;
    // Not a byte of the body is sent, or waited for.
    connection.send(&head).await;
    connection.reply().await.is(413, "Payload too large");
    assert_eq!(receiver.runs(), 0);
}

async fn b03_too_long_without_a_declaration(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let post = Post::new("b").body(vec![b'x'; LIMIT + 1]).chunks(vec![LIMIT]);
    let (head, body) = post.wire(receiver.now());
    let mut connection = receiver.connect().await;
    // All but the end: the answer comes as soon as the limit is passed.
    connection.send(&[head, body[..body.len() - 5].to_vec()].concat()).await;
    connection.reply().await.is(413, "Payload too large");
    assert_eq!(receiver.runs(), 0);
}

/// The limit holds for the first piece of a body and for later ones.
async fn b03_a_configured_limit(adapter: Adapter) {
    let receiver = Receiver::on(adapter).verify(|options| options.body_limit(10)).start().await;
    let long = Post::new("long").body("eleven byte");
    for post in [long.clone(), long.clone().chunks(vec![11]), long.chunks(vec![6, 5])] {
        receiver.deliver(&post).await.is(413, "Payload too large");
    }
    let short = Post::new("short").body("ten bytes.");
    receiver.deliver(&short.clone().chunks(vec![10])).await.is(200, "");
    receiver.deliver(&short).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

async fn b04_connection_ends_before_the_body(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (head, body) = Post::new("b").wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&[&head, &body[..10]].concat()).await;
    connection.finish_sending().await;
    // Whether anyone still listens is the server's guess.
    if let Some(reply) = connection.reply_or_end().await {
        reply.is(400, "Unreadable body");
    }
    assert_eq!(receiver.runs(), 0);
    receiver.deliver(&Post::new("b")).await.is(200, "");
}

async fn b05_body_stalls(adapter: Adapter) {
    let stall = Duration::from_millis(100);
    let setup = Receiver::on(adapter).verify(move |options| options.stall_timeout(stall));
    let receiver = setup.start().await;
    let (head, body) = Post::new("b").wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&[&head, &body[..10]].concat()).await;
    connection.reply().await.is(408, "Body timeout");
    assert_eq!(receiver.runs(), 0);
    receiver.deliver(&Post::new("b")).await.is(200, "");
}

async fn b05_body_drips(adapter: Adapter) {
    let (stall, total) = (Duration::from_secs(5), Duration::from_millis(300));
    let limited =
        move |layer: nevent_webhooks::VerifyOptions| layer.stall_timeout(stall).body_timeout(total);
    let receiver = Receiver::on(adapter).verify(limited).start().await;
    let (head, body) = Post::new("b").wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&head).await;
    let begun = Instant::now();
    for byte in body {
        if begun.elapsed() > total * 2 {
            break;
        }
        connection.send(&[byte]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    connection.reply().await.is(408, "Body timeout");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(receiver.runs(), 0);
}

/// Slow, but never without a byte for as long as that.
async fn b05_slow_body_is_accepted(adapter: Adapter) {
    let stall = Duration::from_millis(600);
    let receiver =
        Receiver::on(adapter).verify(move |options| options.stall_timeout(stall)).start().await;
    let (head, body) = Post::new("b").wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&head).await;
    for piece in body.chunks(body.len().div_ceil(6)) {
        tokio::time::sleep(stall / 4).await;
        connection.send(piece).await;
    }
    connection.reply().await.is(200, "");
}

/// Nobody reads on, without a limit and without a timer, what nobody wants.
async fn b05_a_refused_body_holds_no_connection(adapter: Adapter) {
    let stall = Duration::from_millis(200);
    let setup = Receiver::on(adapter).verify(move |options| options.stall_timeout(stall));
    let receiver = setup.start().await;
    for (post, status) in [(Post::new("b").without_signature(), 401), (Post::new("b"), 408)] {
        let (head, body) = post.chunks(vec![10]).wire(receiver.now());
        let mut connection = receiver.connect().await;
        connection.send(&[&head, &body[..8]].concat()).await;
        assert_eq!(connection.reply().await.status, status);
        let begun = Instant::now();
        assert_eq!(connection.reply_or_end().await, None, "another answer");
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    }
}

/// The connection ends however fast the client goes on sending.
async fn b05_a_refused_body_is_not_read_on(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (head, body) = Post::new("b").without_signature().chunks(vec![1]).wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&[&head, &body[..6]].concat()).await;
    connection.reply().await.is(401, "Missing signature");
    let ends = async {
        let pause = Duration::from_millis(10);
        while tokio::time::timeout(pause, connection.reply_or_end()).await.is_err() {
            connection.send(&body[..6]).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ends).await.expect("the connection ends");
}

async fn b06_content_encoding(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    for encoding in ["gzip", "br", "GZIP", "identity, gzip", "utf-8, gzip", "x", "utf-16"] {
        let encoded = Post::new("b").header("Content-Encoding", encoding);
        // Whatever the head says of the body's length.
        for encoded in [encoded.clone(), encoded.chunks(vec![10])] {
            receiver.deliver(&encoded).await.is(415, "Unsupported content encoding");
        }
    }
    let two_lines = Post::new("b").header("Content-Encoding", "identity");
    let two_lines = two_lines.header("Content-Encoding", "gzip");
    receiver.deliver(&two_lines).await.is(415, "Unsupported content encoding");
    assert_eq!(receiver.runs(), 0);
    // A charset, which some senders write here, encodes nothing.
    for harmless in ["Identity", "", "UTF-8", "utf8", "identity, utf-8"] {
        let post = Post::new(&format!("of {harmless}")).body(harmless);
        let post = post.header("Content-Encoding", harmless);
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post.chunks(vec![3])).await.is(200, "Already processed");
    }
}

async fn b07_any_split_of_the_body(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let text = "{\"city\":\"Córdoba\",\"name\":\"Sónar ☀️\"}";
    let inside_a_character = text.find('ó').expect("it is there") + 1;
    let splits = [vec![1; text.len()], vec![], vec![inside_a_character], vec![text.len() - 1]];
    for (n, chunks) in splits.into_iter().enumerate() {
        let body = format!("{text}{n}");
        receiver
            .deliver(&Post::new(&format!("b{n}")).body(body.clone()).chunks(chunks))
            .await
            .is(200, "");
        assert_eq!(receiver.seen()[n].body(), body.as_bytes());
    }
}

/// Trailers come after the body and are not part of it, whatever they claim.
async fn b07_trailers_are_not_handed_on(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let (head, body) = Post::new("b").chunks(vec![10]).wire(receiver.now());
    let trailer = b"0\r\nX-Nevent-Signature: t=1,v1=2\r\nX-Nevent-Delivery: other\r\n\r\n";
    let body = [&body[..body.len() - 5], trailer].concat();
    let mut connection = receiver.connect().await;
    connection.send(&[head, body].concat()).await;
    connection.reply().await.is(200, "");
    assert_eq!(receiver.seen()[0].id().as_str(), "b");
    assert_eq!(receiver.seen()[0].body(), EVENT);
}

async fn b08_expect_continue(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    let expecting = Post::new("b").header("Expect", "100-continue");
    let (head, _) = expecting.clone().signature("t=1,v1=short").wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&head).await;
    let reply = connection.reply().await;
    reply.is(401, "Malformed signature");
    // actix asks for every body by itself, before anybody has seen the head.
    let asked = reply.continued && adapter.judges_before_the_body_is_asked_for();
    assert!(!asked, "the body was asked for although it could not matter");

    let (head, body) = expecting.wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&head).await;
    connection.send(&body).await;
    let reply = connection.reply().await;
    reply.is(200, "");
    assert!(reply.continued);
}
